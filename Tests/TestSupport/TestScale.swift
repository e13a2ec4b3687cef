internal import Foundation

/// How much work the long tests do.
package enum TestScale {
    /// The environment variable that sets ``operations``.
    package static let variable = "CACHE_TEST_OPERATIONS"

    /// How many operations the randomized tests of a suite make together, about.
    package static let operations: Int = {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return 1_000_000 }
        guard let count = Int(text), count > 0 else {
            preconditionFailure("\(variable) is \(text); it must be a whole number above 0")
        }
        return count
    }()

    /// A part of ``operations``, in percent; at least 100.
    package static func operations(percent: Int) -> Int { max(100, operations / 100 * percent) }
}
