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
public struct ReadWriteLock: ~Copyable, Sendable {
    private let lock: StripedReadWriteLock

    public init() { lock = StripedReadWriteLock(stripes: 1) }

    /// Runs `body` while no writer does; other readers may run at the same time.
    ///
    /// - Parameter body: What to do under the lock. It must not take this lock again.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; the lock is released then too.
    public borrowing func withReadLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let stripe = lock.lockForReading()
        defer { lock.unlockAfterReading(stripe) }
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
        lock.lockForWriting()
        defer { lock.unlockAfterWriting() }
        return try body()
    }
}
