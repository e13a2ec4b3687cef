internal import Foundation
internal import Synchronization

/// Runs `body` on several threads of its own at the same time, and waits for all of them.
///
/// They are real threads, not tasks: code that blocks is tested as it blocks. All begin together.
///
/// - Parameters:
///   - count: How many threads.
///   - body: Told its thread's number, from 0.
/// - Throws: The error of the first thread that threw, when all have ended.
package func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let run = ThreadRun(count)
    run.start(body)
    try run.join()
}

/// Threads that were started and are to be joined.
package final class ThreadRun: @unchecked Sendable {
    // Sendable: `waiting`, `running` and `failure` are read and written while `condition` is held.
    private let condition = NSCondition()
    private let count: Int
    private var waiting = 0
    private var running = 0
    private var failure: (any Error)?

    package init(_ count: Int) { self.count = count }

    /// Starts the threads. To be called once.
    package func start(_ body: @escaping @Sendable (Int) throws -> Void) {
        condition.withLock { running = count }
        for number in 0..<count {
            let thread = Thread { [self] in
                meet()
                do {
                    try body(number)
                    end(nil)
                } catch {
                    end(error)
                }
            }
            thread.name = "test-\(number)"
            thread.start()
        }
    }

    /// Waits until all threads have ended.
    ///
    /// - Throws: The error of the first that threw.
    package func join() throws {
        condition.lock()
        defer { condition.unlock() }
        while running > 0 { condition.wait() }
        if let failure { throw failure }
    }

    private func meet() {
        condition.lock()
        defer { condition.unlock() }
        waiting += 1
        if waiting == count { condition.broadcast() }
        while waiting < count { condition.wait() }
    }

    private func end(_ error: (any Error)?) {
        condition.lock()
        defer { condition.unlock() }
        if failure == nil { failure = error }
        running -= 1
        if running == 0 { condition.broadcast() }
    }
}

/// A flag that threads raise and look at.
package final class Flag: Sendable {
    private let isRaised = Atomic(false)

    package init() {}

    package func raise() { isRaised.store(true, ordering: .sequentiallyConsistent) }
    package var isUp: Bool { isRaised.load(ordering: .sequentiallyConsistent) }
}

/// A number that threads count up.
package final class Tally: Sendable {
    private let number = Atomic<Int>(0)

    package init() {}

    /// Adds to the number, and returns what it is then.
    @discardableResult
    package func add(_ amount: Int = 1) -> Int {
        number.wrappingAdd(amount, ordering: .sequentiallyConsistent).newValue
    }
    package var value: Int { number.load(ordering: .sequentiallyConsistent) }
}
