/// Where the parts of an entry's slot begin, and how wide they are.
///
/// ```
/// newer 4 | older 4 | expires at 8 | stored at 4 | flags 1 | counts | rank? 8 | …
/// ```
///
/// The counts are those of the key's and the value's bytes: 1 + 2 bytes where that is enough, else 3 bytes that are not used, 4
/// for the value and 4 for the key. Behind that stand key, digest (of a value of more than
/// ``ValueBlock/digestThreshold`` bytes), the names of the value's pieces, and the rest of the value; or, of a large one, the
/// address of a ``ValueBlock`` with key and value.
enum EntryHeader {
    static let newer = 0
    static let older = 4
    static let expiresAt = 8
    static let storedAt = 16
    static let flags = 20
    static let narrowKeyCount = 21
    static let narrowValueCount = 22
    static let wideValueCount = 24
    static let wideKeyCount = 28

    @inline(__always) static func count(isWide: Bool) -> Int { isWide ? 32 : 24 }
    @inline(__always) static func isWide(keyCount: Int, valueCount: Int) -> Bool {
        keyCount > Int(UInt8.max) || valueCount > Int(UInt16.max)
    }

    // Bits of the flags.
    static let isHandedOut: UInt8 = 1
    static let isWide: UInt8 = 2
    static let isExternal: UInt8 = 4
    static let listShift: UInt8 = 3
    static let frequencyShift: UInt8 = 5
    static let twoBits: UInt8 = 3
    static let isAnnotated: UInt8 = 1 << 7
}

/// A piece of a value in a slot of its own: the entry that it belongs to, and which piece it is.
enum EntryPiece {
    static let owner = 0
    static let place = 4
    static let headerCount = 8
    /// Set in the place of a piece whose slot is handed out.
    static let isHandedOut: UInt32 = 1 << 31
}
