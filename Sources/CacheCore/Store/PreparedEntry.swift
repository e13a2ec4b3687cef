/// What a writer has made ready to be put in: key and value in a block, and what is to be known of them.
struct PreparedEntry {
    /// Of which it owns a reference.
    let block: ValueBlock
    let hash: UInt64
    let storedAt: Int64
    /// ``Entry/never`` without a time to live.
    var expiresAt: Int64
    var rank: Int64
    /// nil for none.
    var tags: TagList? = nil
    /// nil if it is gone at its expiry.
    var note: LoadNote? = nil
    var validator: [UInt8]? = nil
}
