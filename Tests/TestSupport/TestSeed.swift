internal import Foundation

/// Where the random numbers of a test come from.
package enum TestSeed {
    /// The environment variable that sets the seed of every test, to repeat a run that failed.
    package static let variable = "CACHE_TEST_SEED"

    /// A generator for a test, from a seed that is printed so that the run can be repeated.
    ///
    /// - Parameter test: The test's name, for the output.
    package static func generator(_ test: String = #function) -> SplitMix64 {
        let seed = fromEnvironment ?? .random(in: .min ... .max)
        print("\(test): \(variable)=\(seed)")
        return SplitMix64(seed: seed)
    }

    private static let fromEnvironment: UInt64? = {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
        guard let seed = UInt64(text) else { preconditionFailure("\(variable) is \(text); it must be a whole number") }
        return seed
    }()
}
