/// A value that was read, lent from the store without a copy: its bytes stay as they are for as long as this lives,
/// whatever becomes of the entry meanwhile.
package struct CachedValue: ~Copyable {
    // Owns one reference to the entry.
    private let entry: Entry

    init(retained entry: Entry) { self.entry = entry }

    deinit { entry.release() }

    /// How many bytes the value's JSON has.
    package var count: Int { entry.valueCount }

    /// A digest of the bytes, the same for the same bytes on every machine.
    package var digest: UInt64 { entry.digest }

    /// Nanoseconds since the value was put, at `now` of the cache's clock.
    package func age(at now: Int64) -> Int64 { max(0, now - entry.storedAt) }

    /// Nanoseconds until the value expires, at `now` of the cache's clock; nil if it does not expire.
    package func timeLeft(at now: Int64) -> Int64? {
        entry.expiresAt == Entry.never ? nil : max(0, entry.expiresAt - now)
    }

    /// Calls `body` with the bytes, which are valid until it returns.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(entry.value)
    }

    /// Gives the reference away: the bytes, and a token to hand to ``endLending(_:)`` when they are no longer needed.
    package consuming func lend() -> (bytes: UnsafeRawBufferPointer, token: UnsafeMutableRawPointer) {
        let entry = entry
        discard self
        return (entry.value, entry.opaque)
    }

    /// Takes back what ``lend()`` gave away; to be called once for each.
    package static func endLending(_ token: UnsafeMutableRawPointer) {
        Entry(opaque: token).release()
    }
}

/// What a bulk read found: for each key of the batch, by its place, the value or nothing.
package struct CachedValues: ~Copyable {
    // Owns one reference to each entry that is present.
    private var entries: [Entry?]

    init(count: Int) { entries = Array(repeating: nil, count: count) }

    deinit {
        for entry in entries { entry?.release() }
    }

    package var count: Int { entries.count }

    package func isPresent(_ place: Int) -> Bool { entries[place] != nil }

    /// How many bytes all values have together.
    package var byteCount: Int { entries.reduce(0) { $0 + ($1?.valueCount ?? 0) } }

    /// Calls `body` with the bytes of the value at `place`, which are valid until it returns; nil if there is none.
    package func withUnsafeBytes<Result>(_ place: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result?
    {
        try entries[place].map { try body($0.value) }
    }

    mutating func set(_ place: Int, _ retained: Entry) { entries[place] = retained }
}
