/// What a line of the access log tells. The bytes are borrowed: they live as long as the request.
struct AccessLogEntry {
    /// nil over a socket in the file system.
    var client: ClientAddress?
    /// The request's line as it was sent: the method, the target without its query, the query behind the `?`, the version.
    var method: BorrowedBytes
    var path: BorrowedBytes
    var query: BorrowedBytes
    var version: BorrowedBytes
    /// Whether the request may have one of the following.
    var hasMore: Bool
    var userAgent: BorrowedBytes?
    var referer: BorrowedBytes?
    var traceparent: BorrowedBytes?

    /// The same in memory of its own.
    func kept() -> KeptAccessLogEntry { KeptAccessLogEntry(self) }
}

/// An entry for the time when its request is gone: of a response that is made while it is sent, the line comes at the end.
final class KeptAccessLogEntry {
    private(set) var entry: AccessLogEntry
    // Allocated in init, freed in deinit; `entry` points into it.
    private let storage: UnsafeMutableRawBufferPointer

    fileprivate init(_ entry: AccessLogEntry) {
        let fields: [WritableKeyPath<AccessLogEntry, BorrowedBytes>] = [\.method, \.path, \.query, \.version]
        let optional: [WritableKeyPath<AccessLogEntry, BorrowedBytes?>] = [\.userAgent, \.referer, \.traceparent]
        let count = fields.reduce(0) { $0 + entry[keyPath: $1].count }
        storage = .allocate(
            byteCount: optional.reduce(count) { $0 + (entry[keyPath: $1]?.count ?? 0) }, alignment: 1)
        var kept = entry
        var rest = storage[...]
        func keep(_ bytes: BorrowedBytes) -> BorrowedBytes {
            let place = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(bytes.count))
            place.copyMemory(from: bytes)
            rest = rest.dropFirst(bytes.count)
            return BorrowedBytes(place)
        }
        for field in fields { kept[keyPath: field] = keep(entry[keyPath: field]) }
        for field in optional { kept[keyPath: field] = entry[keyPath: field].map(keep) }
        self.entry = kept
    }

    deinit { storage.deallocate() }
}

/// What became of a request.
struct AccessLogOutcome {
    var status: Int
    /// Of the body that was sent.
    var bytes: Int
    /// When its head had arrived, and when it was answered: ``AccessLogClock``'s nanoseconds.
    var begun: Int64
    var ended: Int64

    /// In nanoseconds.
    @inline(__always)
    var duration: Int64 { max(0, ended &- begun) }
}
