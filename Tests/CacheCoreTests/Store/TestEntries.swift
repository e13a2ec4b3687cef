import Testing

@testable import CacheCore

/// Entries made by hand in a slab of their own, freed when the test is done.
final class TestEntries {
    let pool: PagePool
    let slab: Slab

    init(pageSize: Int = 16 << 10, hasRanks: Bool = false) {
        pool = PagePool(pageSize: pageSize)
        slab = Slab(pool: pool, hasRanks: hasRanks)
    }

    deinit { slab.destroy() }

    func layout(_ key: String, value: String) -> EntryLayout {
        EntryLayout(keyCount: key.utf8.count, valueCount: value.utf8.count, in: slab.geometry)
    }

    /// What a writer would have prepared, whose block the caller must release.
    func prepare(
        _ key: String, value: String = "1", storedAt: Int64 = 0, expiresAt: Int64 = Entry.never, rank: Int64 = 0
    ) throws -> PreparedEntry {
        let layout = layout(key, value: value)
        return try withUTF8(of: key) { key in
            let block = try #require(
                ValueBlock.allocate(key: key, valueCount: value.utf8.count, isMapped: layout.isExternal))
            block.unwrittenValue.copyBytes(from: value.utf8)
            block.seal()
            return PreparedEntry(
                block: block, hash: slab.hasher.hash(key), storedAt: storedAt, expiresAt: expiresAt, rank: rank)
        }
    }

    /// An entry in the slab, in no order.
    func make(
        _ key: String, value: String = "1", storedAt: Int64 = 0, expiresAt: Int64 = Entry.never, rank: Int64 = 0
    ) throws -> Entry {
        let prepared = try prepare(key, value: value, storedAt: storedAt, expiresAt: expiresAt, rank: rank)
        defer { prepared.block.release() }
        return Entry.make(prepared, layout: layout(key, value: value), in: slab)
    }

    /// Frees an entry that is in no order, with its pages.
    func free(_ entry: Entry) {
        var emptied: [Slab.PageIndex] = []
        entry.free { emptied.append($0) }?.release()
        for page in emptied { slab.release(page) }
    }
}

extension Entry {
    var keyText: String { String(decoding: key, as: UTF8.self) }
    var valueText: String {
        let block = copy()
        defer { block.release() }
        return String(decoding: block.value, as: UTF8.self)
    }
}
