import Testing

@testable import CacheCore

/// Entries made by hand, with whatever hash a test wants, freed when the test is done.
final class TestEntries {
    private var entries: [Entry] = []

    deinit { for entry in entries { entry.release() } }

    /// An entry that belongs to no store; this object keeps it alive.
    func make(
        _ key: String, hash: UInt64 = 0, value: String = "", storedAt: Int64 = 0, expiresAt: Int64 = Entry.never,
        rank: Int64 = 0
    ) throws -> Entry {
        let entry = withUTF8(of: key) {
            Entry.allocate(
                key: $0, hash: hash, valueCount: value.utf8.count, storedAt: storedAt, expiresAt: expiresAt, rank: rank)
        }
        let made = try #require(entry)
        made.write { $0.copyBytes(from: value.utf8) }
        entries.append(made)
        return made
    }
}

extension Entry {
    var keyText: String { String(decoding: key, as: UTF8.self) }
    var valueText: String { String(decoding: value, as: UTF8.self) }
}
