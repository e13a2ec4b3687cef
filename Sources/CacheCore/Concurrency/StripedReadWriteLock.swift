internal import Threading

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A read-write lock of several `pthread_rwlock_t`: a reader takes the one of its processor, a writer takes them all.
///
/// A reader of a single rwlock writes to it twice, and the cache line goes back and forth between the processors of readers that
/// have nothing else to do with one another. Here each processor has a line of its own, and readers share as they should; a
/// writer pays for it. (The idea of the "big-reader lock" of Linux 2.4.)
///
/// Each rwlock prefers a waiting writer to new readers, so a stream of readers cannot hold a writer off; a mutex lets one writer at a
/// time ask for the rwlocks, in their order, so that when it leaves, the readers that waited meanwhile go before the next writer.
///
/// It is not recursive.
///
/// - Complexity: An uncontended read lock and unlock cost two atomic operations, a write lock and unlock two and two a stripe.
struct StripedReadWriteLock: ~Copyable, @unchecked Sendable {
    // Sendable: the pthread objects are made to be shared, and live at fixed addresses from init to deinit.

    // A pthread object must not move while it is used, so they live on the heap; two cache lines each, as prefetchers fetch pairs:
    // first the writers' mutex, then the rwlocks.
    private let memory: UnsafeMutableRawPointer
    let stripes: Int

    private static let spacing = 128

    /// - Parameter stripes: How many rwlocks; a power of two.
    init(stripes: Int) {
        precondition(stripes > 0 && stripes & (stripes - 1) == 0, "\(stripes) stripes are no power of two")
        self.stripes = stripes
        memory = .allocate(byteCount: Self.footprint(stripes: stripes), alignment: Self.spacing)
        memory.bindMemory(to: pthread_mutex_t.self, capacity: 1).initialize(to: pthread_mutex_t())
        check(pthread_mutex_init(writers, nil), "pthread_mutex_init")

        var attributes = pthread_rwlockattr_t()
        check(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init")
        #if os(Linux)
            // glibc's default prefers readers: without this a steady stream of them would starve the writers.
            check(
                pthread_rwlockattr_setkind_np(&attributes, CInt(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)),
                "pthread_rwlockattr_setkind_np")
        #endif
        for stripe in 0..<stripes {
            (memory + Self.spacing * (stripe + 1)).bindMemory(to: pthread_rwlock_t.self, capacity: 1)
                .initialize(to: pthread_rwlock_t())
            check(pthread_rwlock_init(rwlock(stripe), &attributes), "pthread_rwlock_init")
        }
        check(pthread_rwlockattr_destroy(&attributes), "pthread_rwlockattr_destroy")
    }

    deinit {
        for stripe in 0..<stripes { check(pthread_rwlock_destroy(rwlock(stripe)), "pthread_rwlock_destroy") }
        check(pthread_mutex_destroy(writers), "pthread_mutex_destroy")
        memory.deallocate()
    }

    /// Bytes that a lock takes.
    static func footprint(stripes: Int) -> Int { spacing * (stripes + 1) }

    @inline(__always)
    private var writers: UnsafeMutablePointer<pthread_mutex_t> {
        memory.assumingMemoryBound(to: pthread_mutex_t.self)
    }

    @inline(__always)
    private func rwlock(_ stripe: Int) -> UnsafeMutablePointer<pthread_rwlock_t> {
        (memory + Self.spacing * (stripe + 1)).assumingMemoryBound(to: pthread_rwlock_t.self)
    }

    /// - Returns: The stripe that is locked, to be handed to ``unlockAfterReading(_:)``; no writer is in until then.
    @inline(__always)
    borrowing func lockForReading() -> Int {
        let stripe = stripes == 1 ? 0 : ProcessorStripe.current(of: stripes)
        check(pthread_rwlock_rdlock(rwlock(stripe)), "pthread_rwlock_rdlock")
        return stripe
    }

    @inline(__always)
    borrowing func unlockAfterReading(_ stripe: Int) {
        check(pthread_rwlock_unlock(rwlock(stripe)), "pthread_rwlock_unlock")
    }

    @inline(__always)
    borrowing func lockForWriting() {
        check(pthread_mutex_lock(writers), "pthread_mutex_lock")
        for stripe in 0..<stripes { check(pthread_rwlock_wrlock(rwlock(stripe)), "pthread_rwlock_wrlock") }
    }

    @inline(__always)
    borrowing func unlockAfterWriting() {
        // The rwlocks first: readers that wait are let in before the next writer can ask.
        for stripe in 0..<stripes { check(pthread_rwlock_unlock(rwlock(stripe)), "pthread_rwlock_unlock") }
        check(pthread_mutex_unlock(writers), "pthread_mutex_unlock")
    }
}

/// A pthread call on a lock fails only when the lock is misused (taken twice on a thread, say) or memory is gone; going
/// on without the lock would corrupt what it guards.
@inline(__always)
private func check(_ status: CInt, _ call: StaticString) {
    precondition(status == 0, "\(call) failed with errno \(status): the lock is misused or memory is exhausted")
}
