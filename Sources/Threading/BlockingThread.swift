#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Threads for work that waits: for a disk, a database or a network. Tasks share a few threads, which such work must not hold.
package enum BlockingThread {
    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread of its own, which ends with it. A write of its to a peer that has gone fails, and does not end the process.
    package static func start(_ body: @escaping @Sendable () -> Void) {
        let status = tryStart(body)
        precondition(status == 0, "there is no thread for work that waits, error \(status)")
    }

    /// As ``start(_:)``, where it can go on without the thread.
    ///
    /// - Returns: 0, or why there is no thread.
    package static func tryStart(_ body: @escaping @Sendable () -> Void) -> CInt {
        // The thread takes over the reference.
        let context = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                // Some client libraries of databases do not see to it themselves.
                BrokenPipes.failWrites()
                Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            return status
        }
        pthread_detach(thread)
        return 0
    }
}
