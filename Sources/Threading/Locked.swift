#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A value behind a mutex: whoever uses it has it alone.
///
/// It is what `Synchronization.Mutex` is, on a pthread mutex: the thread sanitizer knows that one, and reports uses under the
/// other as races.
///
/// - Complexity: An uncontended use costs two atomic operations.
package struct Locked<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Sendable: `mutex` and `value` live at fixed addresses from init to deinit, and `value` is used under the mutex alone.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ value: consuming sending Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        check(pthread_mutex_init(mutex, nil))
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
        check(pthread_mutex_destroy(mutex))
        mutex.deallocate()
    }

    /// Calls `body` with the value, and nobody else meanwhile. It must not use the same lock again.
    ///
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    @inline(__always)
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        check(pthread_mutex_lock(mutex))
        defer { check(pthread_mutex_unlock(mutex)) }
        return try body(&value.pointee)
    }
}

/// A mutex fails only when it is misused; going on without it would corrupt what it guards.
@inline(__always)
private func check(_ status: CInt) {
    precondition(status == 0, "a mutex failed with errno \(status): it is misused or memory is exhausted")
}
