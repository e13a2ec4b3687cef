import CMalloc
import TestSupport
import Testing

@testable import CacheCore

#if os(Linux)
    import Glibc

    /// What is allocated is freed: what is mapped to the byte, what is from malloc but for the noise that the runtime's own threads make.
    /// That is less than one small block for every hundred operations comes to; LeakSanitizer, under which this runs as well, sees
    /// each. In processes of their own, where nobody else allocates.
    @Suite(.enabled(if: mallinfo2().uordblks > 1 << 16, "a sanitizer's allocator does not count"))
    struct AllocationTests {
        @Test func aCacheGivesBackAllThatItTook() async {
            await #expect(processExitsWith: .success) { try expectNoGrowth { try useAndDrop(clears: false) } }
        }

        @Test func aClearedCacheGivesBackAllThatItTook() async {
            await #expect(processExitsWith: .success) { try expectNoGrowth { try useAndDrop(clears: true) } }
        }

        /// To see that the test would fail.
        @Test func blocksThatAreKeptAreSeen() async {
            await #expect(processExitsWith: .failure) {
                try expectNoGrowth {
                    try useAndDrop(clears: false)
                    for _ in 0..<150 {
                        _ = ValueBlock.allocate(key: UnsafeRawBufferPointer(start: nil, count: 0), valueCount: 40)
                    }
                }
            }
        }

        /// What is counted for notes and leases is what they take, however many there are and were.
        @Test func whatIsCountedForADictionaryIsWhatItTakes() async {
            await #expect(processExitsWith: .success) {
                var dictionary = MeasuredDictionary<LoadNotes.Noted>()
                let before = allocatedBytes()
                var wrong: [String] = []
                func compare(_ what: String) {
                    let taken = allocatedBytes() - before
                    if abs(taken - dictionary.footprint) > noise + taken / 50 {
                        wrong.append("\(what): \(dictionary.footprint) bytes are counted, \(taken) taken")
                    }
                }
                for hash in 1...200_000 as ClosedRange<UInt64> {
                    dictionary.put(LoadNotes.Noted(note: LoadNote()), for: hash &* 0x9E37_79B9_7F4A_7C15)
                    if hash % 7919 == 0 { compare("with \(hash)") }
                }
                for hash in 1...200_000 as ClosedRange<UInt64> {
                    dictionary.remove(hash &* 0x9E37_79B9_7F4A_7C15)
                    if hash % 7919 == 0 { compare("without \(hash)") }
                }
                compare("empty")
                guard wrong.isEmpty, dictionary.footprint == 0 else {
                    print(wrong)
                    exit(EXIT_FAILURE)
                }
            }
        }

        @Test func aPageThatIsKeptIsSeen() async {
            await #expect(processExitsWith: .failure) {
                try expectNoGrowth { _ = VirtualMemory.map(VirtualMemory.pageSize) }
            }
        }
    }

    /// Bytes from malloc by which two looks may differ.
    private let noise = 8 << 10

    /// Ends the process with a failure if `body` leaves more or less allocated than before.
    private func expectNoGrowth(_ body: () throws -> Void) throws {
        // What the runtime, the parsers and the allocator keep for good is there after the first times.
        for _ in 0..<2 { try body() }
        let before = (malloc: allocatedBytes(), mapped: VirtualMemory.mappedBytes + BlockPool.shared.heldBytes)
        try body()
        let after = (malloc: allocatedBytes(), mapped: VirtualMemory.mappedBytes + BlockPool.shared.heldBytes)
        guard before.mapped == after.mapped, abs(before.malloc - after.malloc) < noise else {
            print("before: \(before), after: \(after)")
            exit(EXIT_FAILURE)
        }
    }

    /// Bytes that are allocated with malloc, headers included, and not freed.
    ///
    /// What the calling thread has freed lately stands in a cache of its own, which malloc takes for allocated: so that is emptied, by
    /// taking all of it, and what was taken is not counted.
    private func allocatedBytes() -> Int {
        var taken: [UnsafeMutableRawPointer] = []
        taken.reserveCapacity(64 * 8)
        for size in stride(from: 24, through: 1032, by: 16) {
            for _ in 0..<8 { if let block = malloc(size) { taken.append(block) } }
        }
        let information = mallinfo2()
        let own = taken.reduce(0) { $0 + malloc_usable_size($1) + MemoryLayout<Int>.size }
        for block in taken { free(block) }
        return Int(information.uordblks + information.hblkhd) - own
    }

    /// Every way in which entries come and go, with values that readers hold longer than the cache does.
    private func useAndDrop(clears: Bool) throws {
        for policy in EvictionPolicy.allCases {
            var random = SplitMix64(seed: 7)
            let clock = ManualClock()
            let cache = try ProductionCache(
                CacheConfiguration(capacity: 400, memoryLimit: 4 << 20, eviction: policy, clock: .manual(clock)))
            for step in 0..<3000 {
                let key = "key-\(random.below(1000))"
                let json = [UInt8](repeating: 49, count: 1 + random.below(random.oneIn(50) ? 100_000 : 3000))
                try cache.putJSON(key, json, ttl: random.oneIn(3) ? .seconds(1 + random.below(100)) : nil)
                try useAndLose(cache, "key-\(random.below(1000))", step)
                let held = withUTF8(of: "key-\(random.below(1000))") { cache.lookup($0) }
                if random.oneIn(5) { cache.delete("key-\(random.below(1000))") }
                if random.oneIn(50) { _ = try cache.mgetJSON((0..<20).map { _ in "key-\(random.below(1000))" }) }
                if step % 100 == 0 {
                    clock.advance(by: .seconds(1))
                    cache.maintain()
                }
                if let held { precondition(held.withUnsafeBytes { $0.allSatisfy { $0 == 49 } }) }
            }
            if clears { cache.deleteAll() }
        }
    }

    /// Leases, filled and not, and values that are kept past their expiry.
    private func useAndLose(_ cache: ProductionCache, _ key: String, _ step: Int) throws {
        try withUTF8(of: key) { key in
            if step % 3 == 0, case .miss(let miss) = try cache.takeLease(key, for: 5_000_000_000) {
                let answer = miss.answer
                guard step % 2 == 0, case .granted(let token) = answer else { return }
                try cache.withParsed(Array("1".utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
                    _ = try cache.put(
                        key, document, document.root, lifetime: 2_000_000_000,
                        note: LoadNote(staleIfError: Int64(step % 7) * 1_000_000_000), validator: [1, 2, 3],
                        filling: Lease(token: token))
                }
            } else if step % 10 == 1 {
                let (lease, _) = try cache.beginLoad(key)
                _ = cache.renew(
                    key, lifetime: 1_000_000_000, note: LoadNote(retention: 9_000_000_000), validator: nil,
                    filling: lease)
                if step % 20 == 1 { cache.endLoad(lease, of: key) }
            }
        }
    }
#endif
