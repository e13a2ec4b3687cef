/// Calls a function at an interval, until it goes away.
package struct Sweeper: ~Copyable {
    private let task: Task<Void, Never>

    /// - Parameters:
    ///   - interval: The pause between the end of a call and the next.
    ///   - work: What to call. What it captures is kept until the sweeper goes away, and a call under way is over.
    package init(every interval: Duration, work: @escaping @Sendable () -> Void) {
        task = Task.detached(priority: .high) {
            while true {
                // It throws only when it is cancelled, which is the end.
                do { try await Task.sleep(for: interval) } catch { return }
                work()
            }
        }
    }

    deinit { task.cancel() }
}
