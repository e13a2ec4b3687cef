import TestSupport
import Testing

@testable import CacheCore

struct LeaseTests {
    @Test func oneIsGranted() throws {
        let test = try CacheOfLeases()
        let token = try test.token("k")
        #expect(try test.take("k") == .taken(.seconds(5), stale: nil))
        test.clock.advance(by: .seconds(2))
        #expect(try test.take("k") == .taken(.seconds(3), stale: nil))
        #expect(try test.put("k", "1", filling: token) == .created)
        #expect(try test.take("k") == .hit("1"))
        let stats = test.cache.getStats()
        #expect([stats.hits, stats.misses] == [1, 3])
        #expect([stats.leasesGranted, stats.leasesFilled, stats.leasesLost] == [1, 1, 0])
    }

    @Test func aLeaseIsForOneWrite() throws {
        let test = try CacheOfLeases()
        let token = try test.token("k")
        try test.put("k", "1", filling: token)
        #expect(try test.put("k", "2", filling: token) == .leaseLost)
        #expect(test.get("k") == "1")
    }

    @Test func lateAndForeignTokensAreRefused() throws {
        let test = try CacheOfLeases()
        let token = try test.token("k")
        let other = try test.token("other")
        #expect(try test.put("k", "1", filling: other) == .leaseLost)
        #expect(try test.put("k", "1", filling: LeaseToken()) == .leaseLost)
        #expect(try test.put("nobody's", "1", filling: token) == .leaseLost)
        test.clock.advance(by: .seconds(5))
        #expect(try test.put("k", "1", filling: token) == .leaseLost)
        #expect(test.get("k") == nil)
        let stats = test.cache.getStats()
        #expect([stats.leasesGranted, stats.leasesFilled, stats.leasesLost] == [2, 0, 4])
        #expect(stats.puts == 0)
    }

    /// What changes a key, by a name to tell it by.
    enum Change: String, CaseIterable {
        case put, mput, patchOfNothing, increment, delete, conditionalDelete, mdelete, clear, prefix, tag, tagOfPrefix
    }

    @Test(arguments: Change.allCases)
    func anyChangeRevokesALease(change: Change) throws {
        let test = try CacheOfLeases(shardCount: 4)
        let cache = test.cache
        try test.put("elsewhere", "0", tags: ["t"])
        let token = try test.token("user:1")
        switch change {
        case .put: try test.put("user:1", "9")
        case .mput: try cache.mput(["user:1": 9])
        // Nothing is there to be patched, so nothing changes.
        case .patchOfNothing: try cache.mergeJSON("user:1", "{}".utf8)
        case .increment: try cache.increment("user:1", initial: 8)
        case .delete: cache.delete("user:1")
        case .conditionalDelete: _ = withUTF8(of: "user:1") { cache.delete($0, if: WriteCondition(match: .any)) }
        case .mdelete: try cache.mdelete(["user:1", "user:2"])
        case .clear: cache.deleteAll()
        case .prefix: cache.deleteAll(prefix: "user:")
        case .tag: cache.deleteAll(tag: "t")
        case .tagOfPrefix: cache.deleteAll(tag: Array("t".utf8), prefix: Array("user:".utf8))
        }
        let isNothing = change == .patchOfNothing
        #expect(try test.put("user:1", "1", filling: token) == (isNothing ? .created : .leaseLost))
        let isWrite = [.put, .mput, .increment].contains(change)
        #expect(test.get("user:1") == (isWrite ? "9" : isNothing ? "1" : nil))
        audit(cache)
    }

    @Test func whatDoesNotChangeAKeyLeavesItsLease() throws {
        let test = try CacheOfLeases()
        let token = try test.token("user:1")
        test.cache.deleteAll(prefix: "users")
        test.cache.delete("user:2")
        try test.cache.touch(["user:1"], ttl: .seconds(1))
        test.cache.deleteAll(tag: Array("t".utf8), prefix: Array("other".utf8))
        _ = test.get("user:1")
        #expect(try test.put("user:1", "1", filling: token) == .created)
    }

    @Test func leasesEndWithoutBeingAskedFor() throws {
        let test = try CacheOfLeases(shardCount: 1)
        _ = try test.token("a", for: .seconds(1))
        _ = try test.token("b", for: .seconds(3))
        let held = test.cache.store.ledger.bytes
        #expect(held > test.cache.store.emptyFootprint)
        test.clock.advance(by: .seconds(1))
        test.cache.maintain()
        #expect(test.cache.store.shards[0].leases.count == 1)
        test.clock.advance(by: .seconds(2))
        test.cache.maintain()
        #expect(test.cache.store.ledger.bytes == test.cache.store.emptyFootprint)
        // The next is granted anew.
        _ = try test.token("a")
    }

    @Test func aLeaseIsBoundedInTime() throws {
        let test = try CacheOfLeases()
        _ = try test.token("k", for: .seconds(3600))
        #expect(try test.take("k") == .taken(.seconds(60), stale: nil))
        test.clock.advance(by: .seconds(60))
        _ = try test.token("k")
    }

    @Test func whenThereAreTooManyTheOneThatEndsFirstGoes() throws {
        let test = try CacheOfLeases(shardCount: 1)
        let first = try test.token("first", for: .seconds(2))
        let second = try test.token("second", for: .seconds(1))
        for number in 0..<1022 { _ = try test.token("\(number)", for: .seconds(30)) }
        #expect(test.cache.store.shards[0].leases.count == 1024)
        _ = try test.token("one more", for: .seconds(30))
        #expect(try test.put("second", "1", filling: second) == .leaseLost)
        #expect(try test.put("first", "1", filling: first) == .created)
        #expect(test.cache.store.shards[0].leases.count == 1023)
        audit(test.cache)
    }

    @Test func theyTakeASmallPartOfTheMemory() throws {
        let limit = 1 << 20
        let test = try CacheOfLeases(memoryLimit: limit, shardCount: 1)
        let key = String(repeating: "k", count: 4000)
        for number in 0..<300 { _ = try test.token("\(key)\(number)") }
        #expect(test.cache.store.shards[0].leases.footprint <= limit / 16)
        #expect(test.cache.store.shards[0].leases.count > 10)
        audit(test.cache)
        test.cache.deleteAll()
        #expect(test.cache.store.ledger.bytes == test.cache.store.emptyFootprint)
    }

    @Test func theyFindRoomInAFullCache() throws {
        let test = try CacheOfLeases(memoryLimit: 128 << 10, shardCount: 1)
        for number in 0..<4000 { try test.put("key-\(number)", "\"\(String(repeating: "v", count: 60))\"") }
        let evictions = test.cache.getStats().evictions
        #expect(evictions > 0)
        for number in 0..<40 { _ = try test.token("missing-\(number)") }
        #expect(test.cache.getStats().currentSize > 300)
        audit(test.cache)
    }

    /// That leases hold memory must not keep a value out for which there is room without them.
    @Test func theyMakeRoomForAValueAsLargeAsTheCache() throws {
        let limit = 256 << 10
        let test = try CacheOfLeases(memoryLimit: limit, shardCount: 1)
        for number in 0..<60 { _ = try test.token("missing-\(number)") }
        withUTF8(of: "own") { key in #expect(throws: Never.self) { try test.cache.beginLoad(key) } }
        // A value of whole pages, and all but the memory that the cache takes when it is empty.
        let most = (limit - test.cache.store.emptyFootprint) & ~4095 - 3 * 4096
        try test.put("large", "\"\(String(repeating: "v", count: most))\"")
        #expect(test.get("large") != nil)
        audit(test.cache)
    }

    @Test func tokensAreReadAsTheyAreWritten() {
        for _ in 0..<100 {
            let token = LeaseToken()
            #expect(token.description.utf8.count == 32)
            withUTF8(of: token.description) { #expect(LeaseToken($0) == token) }
            withUTF8(of: token.description.uppercased()) { #expect(LeaseToken($0) == token) }
            #expect(LeaseToken() != token)
        }
        for wrong in ["", "0", String(repeating: "g", count: 32), "+" + String(repeating: "0", count: 31), "é"] {
            withUTF8(of: wrong) { #expect(LeaseToken($0) == nil) }
        }
    }

    // MARK: The program's own

    @Test func theProgramsOwnGoBeforeClients() throws {
        let test = try CacheOfLeases()
        let token = try test.token("k")
        let (own, _) = try withUTF8(of: "k") { (key) throws(CacheError) in try test.cache.beginLoad(key) }
        #expect(try test.put("k", "1", filling: token) == .leaseLost)
        #expect(try test.take("k") == .taken(.seconds(1), stale: nil))
        withUTF8(of: "k") { test.cache.endLoad(own, of: $0) }
        _ = try test.token("k")
    }

    @Test func aLiveValueIsLoadedAnew() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(10))
        let (own, validator) = try withUTF8(of: "k") { (key) throws(CacheError) in try test.cache.beginLoad(key) }
        #expect(validator == nil)
        #expect(test.get("k") == "1")
        test.clock.advance(by: .seconds(5))
        let note = LoadNote(staleIfError: 1)
        let isRenewed = withUTF8(of: "k") {
            test.cache.renew($0, lifetime: 10_000_000_000, note: note, validator: Array("\"v\"".utf8), filling: own)
        }
        #expect(isRenewed)
        test.clock.advance(by: .seconds(9))
        #expect(test.get("k") == "1")
        let (_, known) = try withUTF8(of: "k") { (key) throws(CacheError) in try test.cache.beginLoad(key) }
        #expect(known == Array("\"v\"".utf8))
        audit(test.cache)
    }

    /// As it would be counted if a reader had come upon it before.
    @Test func theExpiryOfWhatIsRenewedIsCounted() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(10))
        let (own, _) = try withUTF8(of: "k") { (key) throws(CacheError) in try test.cache.beginLoad(key) }
        test.clock.advance(by: .seconds(11))
        let isRenewed = withUTF8(of: "k") {
            test.cache.renew($0, lifetime: nil, note: LoadNote(), validator: nil, filling: own)
        }
        #expect(isRenewed)
        let stats = test.cache.getStats()
        #expect([stats.expirations, stats.staleEntries, stats.currentSize] == [1, 0, 1])
        audit(test.cache)
    }

    @Test func whatWasDeletedIsNotRenewed() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(10))
        let (own, _) = try withUTF8(of: "k") { (key) throws(CacheError) in try test.cache.beginLoad(key) }
        test.cache.delete("k")
        let isRenewed = withUTF8(of: "k") {
            test.cache.renew($0, lifetime: nil, note: LoadNote(), validator: nil, filling: own)
        }
        #expect(!isRenewed)
        #expect(test.get("k") == nil)
    }

    @Test func aLeaseThatNeverFitsCostsNoEntry() throws {
        let test = try CacheOfLeases(memoryLimit: CacheConfiguration.minimumMemoryLimit, shardCount: 1)
        try test.put("k", "1")
        let long = String(repeating: "k", count: Entry.maximumKeyCount)
        let error = #expect(throws: CacheError.self) { try test.take(long) }
        #expect(error?.code == .insufficientStorage)
        withUTF8(of: long) { long in
            let error = #expect(throws: CacheError.self) { try test.cache.beginLoad(long) }
            #expect(error?.code == .insufficientStorage)
        }
        #expect(test.get("k") == "1")
        #expect(test.cache.getStats().evictions == 0)
        audit(test.cache)
    }
}
