/// A live entry as it is exported: copies made under the lock, to be written as a line after it.
struct ExportedEntry {
    let key: [UInt8]
    /// Of which it owns a reference, for the caller to release.
    let value: ValueBlock
    let expiresAt: Int64
    let tags: TagList?

    init(_ entry: Entry, _ tags: borrowing TagIndex) {
        key = Array(entry.key)
        value = entry.copy()
        expiresAt = entry.expiresAt
        self.tags = entry.isAnnotated ? tags.tags(of: entry.hash) : nil
    }
}

extension [UInt8] {
    /// Appends an entry as a line of an export.
    ///
    /// - Parameter offset: Nanoseconds from the cache's clock to the time of day.
    mutating func append(_ entry: ExportedEntry, offset: Int64) {
        append("{\"key\":")
        entry.key.withUnsafeBytes { appendJSONString($0) }
        append(",\"value\":")
        append(contentsOf: entry.value.value)
        if entry.expiresAt != Entry.never {
            append(",\"expires_at\":")
            append(seconds: entry.expiresAt + offset)
        }
        if let tags = entry.tags {
            append(",\"tags\":[")
            for (place, name) in tags.names.enumerated() {
                if place > 0 { append(",") }
                name.withUnsafeBytes { appendJSONString($0) }
            }
            append("]")
        }
        append("}\n")
    }
}
