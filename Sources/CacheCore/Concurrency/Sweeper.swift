internal import Foundation

/// A thread that calls a function at an interval, until it is stopped.
final class Sweeper: @unchecked Sendable {
    // Sendable: `isStopped` is read and written while `condition` is held.
    private let condition = NSCondition()
    private var isStopped = false

    /// - Parameters:
    ///   - interval: The pause between the end of a call and the next.
    ///   - work: What to call. The thread keeps what it captures until ``stop()``.
    init(every interval: Duration, work: @escaping @Sendable () -> Void) {
        let seconds = Double(interval.nanoseconds) / 1e9
        let thread = Thread { [self] in
            while pause(seconds) { work() }
        }
        thread.name = "cache-sweeper"
        thread.stackSize = 512 * 1024
        thread.start()
    }

    /// Lets the thread end; a call under way is finished.
    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
    }

    /// Waits for the interval; false when stopped.
    private func pause(_ seconds: Double) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while !isStopped, condition.wait(until: deadline) {}
        return !isStopped
    }
}
