/// Why a benchmark could not be run, or why its figures mean nothing, in words for the person who ran it.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// A system call that failed, with the reason that the C library gives for `code`.
    init(_ action: String, errno code: Int32) {
        description = "\(action): \(String(errorNumber: code))"
    }
}
