/// What one run of the memory benchmark may measure or leave out.
enum MemoryPart: String, CaseIterable, Sendable {
    /// The server beside memcached and Redis with the same entries.
    case peers
    /// The library with the same entries, without a server around it.
    case fill
    /// The library at its memory limit.
    case churn
    /// What becomes of the memory after a clear.
    case clear
    /// The longest single operations.
    case pauses
}
