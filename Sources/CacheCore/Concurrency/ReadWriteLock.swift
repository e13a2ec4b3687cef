#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A read-write lock: many readers at a time, or one writer, and neither side can starve the other.
///
/// It is a `pthread_rwlock_t` with a mutex in front of the writers. The rwlock prefers a waiting writer to new readers,
/// so a stream of readers cannot hold a writer off; the mutex lets one writer at a time wait for the rwlock, so that
/// when it leaves, the readers that waited meanwhile go before the next writer.
///
/// ```swift
/// let lock = ReadWriteLock()
/// let total = lock.withReadLock { balance }
/// lock.withWriteLock { balance += 10 }
/// ```
///
/// It is not recursive: taking it twice on one thread, in whichever mode, deadlocks.
///
/// - Complexity: An uncontended read lock and unlock cost two atomic operations, a write lock and unlock four.
public struct ReadWriteLock: ~Copyable, @unchecked Sendable {
    // Sendable: the two pthread objects are made to be shared, and live at a fixed address from init to deinit.
    @usableFromInline
    struct Handles {
        // A pthread object must not move while it is used, so it lives on the heap, and on cache lines of its own.
        var readersAndWriter = pthread_rwlock_t()
        var writers = pthread_mutex_t()
    }

    private let handles: UnsafeMutablePointer<Handles>

    public init() {
        handles =
            UnsafeMutableRawPointer
            .allocate(byteCount: MemoryLayout<Handles>.size, alignment: 128)
            .bindMemory(to: Handles.self, capacity: 1)
        handles.initialize(to: Handles())

        var attributes = pthread_rwlockattr_t()
        check(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init")
        #if os(Linux)
            // glibc's default prefers readers: without this a steady stream of them would starve the writers.
            check(
                pthread_rwlockattr_setkind_np(&attributes, CInt(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)),
                "pthread_rwlockattr_setkind_np")
        #endif
        check(pthread_rwlock_init(&handles.pointee.readersAndWriter, &attributes), "pthread_rwlock_init")
        check(pthread_rwlockattr_destroy(&attributes), "pthread_rwlockattr_destroy")
        check(pthread_mutex_init(&handles.pointee.writers, nil), "pthread_mutex_init")
    }

    deinit {
        check(pthread_rwlock_destroy(&handles.pointee.readersAndWriter), "pthread_rwlock_destroy")
        check(pthread_mutex_destroy(&handles.pointee.writers), "pthread_mutex_destroy")
        handles.deinitialize(count: 1)
        handles.deallocate()
    }

    /// Runs `body` while no writer does; other readers may run at the same time.
    ///
    /// - Parameter body: What to do under the lock. It must not take this lock again.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; the lock is released then too.
    public borrowing func withReadLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lockForReading()
        defer { unlockAfterReading() }
        return try body()
    }

    /// Runs `body` while no reader and no other writer does.
    ///
    /// - Parameter body: What to do under the lock. It must not take this lock again.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; the lock is released then too.
    public borrowing func withWriteLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lockForWriting()
        defer { unlockAfterWriting() }
        return try body()
    }

    @inline(__always)
    borrowing func lockForReading() {
        check(pthread_rwlock_rdlock(&handles.pointee.readersAndWriter), "pthread_rwlock_rdlock")
    }

    @inline(__always)
    borrowing func unlockAfterReading() {
        check(pthread_rwlock_unlock(&handles.pointee.readersAndWriter), "pthread_rwlock_unlock")
    }

    @inline(__always)
    borrowing func lockForWriting() {
        check(pthread_mutex_lock(&handles.pointee.writers), "pthread_mutex_lock")
        check(pthread_rwlock_wrlock(&handles.pointee.readersAndWriter), "pthread_rwlock_wrlock")
    }

    @inline(__always)
    borrowing func unlockAfterWriting() {
        // The rwlock first: readers that wait are let in before the next writer can ask.
        check(pthread_rwlock_unlock(&handles.pointee.readersAndWriter), "pthread_rwlock_unlock")
        check(pthread_mutex_unlock(&handles.pointee.writers), "pthread_mutex_unlock")
    }
}

/// A pthread call on a lock fails only when the lock is misused (taken twice on a thread, say) or memory is gone; going
/// on without the lock would corrupt what it guards.
@inline(__always)
private func check(_ status: CInt, _ call: StaticString) {
    precondition(status == 0, "\(call) failed with errno \(status): the lock is misused or memory is exhausted")
}
