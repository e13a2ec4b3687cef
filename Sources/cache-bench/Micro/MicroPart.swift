/// What one run of the micro benchmark may measure or leave out.
enum MicroPart: String, CaseIterable, Sendable {
    case get
    case put
    /// Reads and writes with ten million entries.
    case large
    case mget
    /// Reads of Codable values.
    case typed
    /// Reads and writes by several threads at a time.
    case threads
}
