import Foundation
import Testing

@testable import CacheCore

/// What an origin says of a value without sending one: that it is as it was, or that there is none.
struct OriginWordTests {
    private let test: CacheOfLeases
    private var cache: ProductionCache { test.cache }

    init() throws {
        test = try CacheOfLeases(memoryLimit: 1 << 20, shardCount: 1)
        try cache.beginNotingAbsences()
    }

    private static let validator = Array("\"v\"".utf8)
    private static let note = LoadNote(staleIfError: 60_000_000_000)

    /// Puts a value of which something is known, for ten seconds.
    private func putAnnotated(_ key: String) throws {
        try cache.withParsed(Array("1".utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
            _ = try withUTF8(of: key) { (key) throws(CacheError) in
                try cache.put(
                    key, document, document.root, lifetime: 10_000_000_000, note: Self.note, validator: Self.validator)
            }
        }
    }

    private func beginLoad(_ key: String) throws -> Lease {
        try withUTF8(of: key) { (key) throws(CacheError) in try cache.beginLoad(key).lease }
    }

    private func noteAbsence(_ key: String, _ lease: Lease) -> Bool {
        withUTF8(of: key) { cache.noteAbsence(of: $0, lifetime: 60_000_000_000, filling: lease) }
    }

    private func isKnownToBeAbsent(_ key: String) -> Bool {
        withUTF8(of: key) { cache.absenceTimeLeft(of: $0) != nil }
    }

    /// Calls `body` while there is no room for another byte.
    private func withoutRoom<Result>(_ body: () throws -> Result) throws -> Result {
        var room = Ledger.Room()
        let isFull = cache.store.ledger.enlarge(&room, toEntries: 0, bytes: cache.store.ledger.freeBytes)
        try #require(isFull)
        defer { cache.store.ledger.release(&room) }
        return try body()
    }

    /// However full the tables are of what is known: to note something else of an entry takes nothing.
    @Test func whatIsAsItWasIsRenewedInAFullCache() throws {
        for number in 1...30 {
            let key = "k\(number)"
            try putAnnotated(key)
            let lease = try beginLoad(key)
            let isRenewed = try withoutRoom {
                withUTF8(of: key) {
                    cache.renew(
                        $0, lifetime: 20_000_000_000, note: Self.note, validator: Self.validator, filling: lease)
                }
            }
            #expect(isRenewed, "with \(number) notes")
        }
        audit(cache)
        test.clock.advance(by: .seconds(11))
        #expect(test.get("k1") == "1")
    }

    /// In a full cache too, whatever was known of it, and however many others something is known of.
    @Test(arguments: ["plain", "annotated", "stale", "seen stale"])
    func whatTheOriginDoesNotHaveIsGone(kind: String) throws {
        for number in 0...13 {
            let isPlain = kind == "plain"
            if isPlain { try test.put("gone", "1", ttl: .seconds(10)) } else { try putAnnotated("gone") }
            if kind.hasSuffix("stale") { test.clock.advance(by: .seconds(11)) }
            if kind == "seen stale" { cache.maintain() }
            let lease = try beginLoad("gone")
            let before = cache.getStats()
            let isNoted = try withoutRoom { noteAbsence("gone", lease) }
            #expect(isNoted)
            #expect(test.look("gone") == nil, "with \(number) others")
            #expect(isKnownToBeAbsent("gone"))
            let after = cache.getStats()
            #expect(after.expirations - before.expirations == (kind.hasSuffix("stale") ? 0 : 1))
            #expect(after.currentSize == number)
            #expect(after.staleEntries == 0)
            #expect(after.deletes + after.evictions == 0)
            audit(cache)
            // The others live on through all rounds.
            try cache.touch((0..<number).map { "other-\($0)" }, ttl: .seconds(100))
            try putAnnotated("other-\(number)")
            try cache.touch(["other-\(number)"], ttl: .seconds(100))
        }
    }

    /// What a snapshot has of the key is older, whether there was a value when the origin said so or not.
    @Test(arguments: [true, false])
    func noSnapshotUndoesIt(isThere: Bool) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "absence-\(UUID()).zst").path
        // What cannot be removed is the system's to clear up.
        defer { try? FileManager.default.removeItem(atPath: path) }
        let other = try CacheOfLeases()
        try other.put("k", "\"old\"", ttl: .seconds(1000))
        try other.cache.writeSnapshot(to: path)
        if isThere { try putAnnotated("k") }
        cache.beginRestore()
        defer { cache.endRestore() }
        let lease = try beginLoad("k")
        #expect(noteAbsence("k", lease))
        let report = try #require(try cache.restoreSnapshot(from: path))
        #expect((report.loaded, report.superseded) == (0, 1))
        #expect(test.get("k") == nil)
        #expect(isKnownToBeAbsent("k"))
        // The lease went with the change; to give it back does nothing.
        withUTF8(of: "k") { cache.endLoad(lease, of: $0) }
        #expect(isKnownToBeAbsent("k"))
        audit(cache)
    }
}
