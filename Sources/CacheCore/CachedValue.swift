/// A value that was read: its bytes stay as they are for as long as this lives, whatever becomes of the entry meanwhile.
///
/// Small values are copies, large ones lent from the store.
package struct CachedValue: ~Copyable {
    // Owns one reference to the block.
    private let block: ValueBlock
    private let stored: StoredTime
    private let expiresAt: Int64

    init(of entry: Entry) {
        block = entry.copy()
        stored = entry.stored
        expiresAt = entry.expiresAt
    }

    deinit { block.release() }

    /// How many bytes the value's JSON has.
    package var count: Int { block.valueCount }

    /// A digest of the bytes, the same for the same bytes on every machine.
    package var digest: UInt64 { block.digest }

    /// Nanoseconds since the value was put, at `now` of the cache's clock; up to 67 ms too many.
    package func age(at now: Int64) -> Int64 { stored.age(at: now) }

    /// Nanoseconds until the value expires, at `now` of the cache's clock; nil if it does not expire.
    package func timeLeft(at now: Int64) -> Int64? {
        expiresAt == Entry.never ? nil : max(0, expiresAt - now)
    }

    /// Nanoseconds that have passed since the value expired, at `now` of the cache's clock; 0 if it has not.
    package func overdue(at now: Int64) -> Int64 { max(0, now - expiresAt) }

    /// Calls `body` with the bytes, which are valid until it returns.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(block.value)
    }

    /// Gives the reference away: the bytes, and a token to hand to ``endLending(_:)`` when they are no longer needed.
    package consuming func lend() -> (bytes: UnsafeRawBufferPointer, token: UnsafeMutableRawPointer) {
        let block = block
        discard self
        return (block.value, block.opaque)
    }

    /// Takes back what ``lend()`` gave away; to be called once for each.
    package static func endLending(_ token: UnsafeMutableRawPointer) {
        ValueBlock(opaque: token).release()
    }
}

/// What a bulk read found: for each key of the batch, by its place, the value or nothing.
package struct CachedValues: ~Copyable {
    /// Where the value at a place is: in `copies`, or in a block that is lent, a reference to which this owns.
    private enum Found {
        case nothing
        case copied(start: Int, count: Int)
        case lent(ValueBlock)
    }

    private var found: [Found]
    /// One behind the other.
    private var copies = ByteBuffer()

    init(count: Int) { found = Array(repeating: .nothing, count: count) }

    deinit {
        for case .lent(let block) in found { block.release() }
    }

    package var count: Int { found.count }

    /// How many bytes were copied.
    package var copiedBytes: Int { copies.count }

    /// Whether all were found.
    package var isComplete: Bool { found.indices.allSatisfy { isPresent($0) } }

    package func isPresent(_ place: Int) -> Bool {
        if case .nothing = found[place] { false } else { true }
    }

    /// How many bytes the values have together that have fewer than `bound` each.
    package func byteCount(below bound: Int) -> Int {
        found.reduce(0) { sum, found in
            switch found {
            case .nothing: sum
            case .copied(_, let count): count < bound ? sum + count : sum
            case .lent(let block): block.valueCount < bound ? sum + block.valueCount : sum
            }
        }
    }

    /// Calls `body` with the bytes of the value at `place`, which are valid until it returns; nil if there is none.
    func withUnsafeBytes<Result>(_ place: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result? {
        switch found[place] {
        case .nothing: nil
        case .copied(let start, let count):
            try body(UnsafeRawBufferPointer(rebasing: copies.bytes[start..<start + count]))
        case .lent(let block): try body(block.value)
        }
    }

    /// Calls `visit` with the keys that were asked for and what was found, in order.
    ///
    /// - Parameters:
    ///   - keys: The batch that was looked up.
    ///   - visit: Told a key, valid until it returns, and its value or nil. Values stay as they are for as long as this lives.
    package func forEach(
        _ keys: borrowing KeyBatch, _ visit: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Void
    ) {
        for place in 0..<found.count {
            keys.withKey(place) { key, _ in
                withUnsafeBytes(place) { visit(key, $0) } ?? visit(key, nil)
            }
        }
    }

    /// Notes that `entry` was found for a key. To be called under the lock of its shard.
    mutating func set(_ place: Int, to entry: Entry) {
        if let block = entry.external {
            block.retain()
            found[place] = .lent(block)
            return
        }
        let start = copies.count
        let count = entry.valueCount
        entry.copyValue(to: copies.append(count))
        found[place] = .copied(start: start, count: count)
    }
}
