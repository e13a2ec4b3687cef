internal import Foundation

/// A condition that did not come true in time.
package struct DeadlinePassed: Error, CustomStringConvertible {
    package let what: String
    package let deadline: Duration
    package var description: String { "waited \(deadline) in vain: \(what)" }
}

/// Waits until a condition holds, however busy the machine is.
///
/// - Parameters:
///   - what: What is waited for, for the error.
///   - deadline: When to give up. It is there so that a broken program fails instead of hanging; it measures nothing.
/// - Throws: ``DeadlinePassed``.
package func waitUntil(_ what: String, deadline: Duration = .seconds(600), _ condition: () -> Bool) throws {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    while !condition() {
        if clock.now > end { throw DeadlinePassed(what: what, deadline: deadline) }
        usleep(100)
    }
}

/// As ``waitUntil(_:deadline:_:)-(String,Duration,()->Bool)``, leaving the thread to others meanwhile.
///
/// - Throws: ``DeadlinePassed``.
package func waitUntil(
    _ what: String, deadline: Duration = .seconds(600), isolation: isolated (any Actor)? = #isolation,
    _ condition: () -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    while !condition() {
        if clock.now > end { throw DeadlinePassed(what: what, deadline: deadline) }
        try await clock.sleep(for: .microseconds(100))
    }
}
