import Glibc

extension String {
    /// The C library's words for an error number.
    init(errorNumber code: Int32) {
        self = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }
}
