import CMalloc
import TestSupport
import Testing

@testable import CacheCore

#if os(Linux)
    import Glibc

    /// What a cache does that may hold more than the system has: it refuses what needs memory, and goes on with what it has. In processes
    /// of their own, whose address space ends soon.
    @Suite(.enabled(if: mallinfo2().uordblks > 1 << 16, "a sanitizer takes address space of its own"))
    struct ExhaustedMemoryTests {
        /// Sizes that need pages and a larger table, pieces, and blocks outside.
        @Test(arguments: [10, 3000, 40_000, 100_000], [1, 8])
        func aPutIsRefusedAndTheRestStays(valueCount: Int, shardCount: Int) async {
            await #expect(processExitsWith: .success) { [valueCount, shardCount] in
                try exhaust(valueCount: valueCount, shardCount: shardCount)
            }
        }

        /// Of a batch those get in that memory can be had for.
        @Test func someOfABatchAreRefused() async {
            await #expect(processExitsWith: .success) {
                let cache = try ProductionCache(CacheConfiguration(capacity: 10_000_000, eviction: .lru))
                try leaveAddressSpace(20 << 20)
                let value = String(repeating: "v", count: 3000)
                var refusal: CacheError?
                for round in 0..<100 where refusal == nil {
                    do {
                        try cache.mput(
                            Dictionary(uniqueKeysWithValues: (0..<500).map { ("key-\(round)-\($0)", value) }))
                    } catch {
                        refusal = error as? CacheError
                    }
                }
                precondition(refusal?.code == .insufficientStorage)
                precondition(cache.getStats().currentSize > 1000)
                audit(cache)
            }
        }
    }

    private func exhaust(valueCount: Int, shardCount: Int) throws {
        var configuration = CacheConfiguration(capacity: 10_000_000, eviction: .lru)
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        let json = [UInt8](repeating: UInt8(ascii: "1"), count: valueCount)
        try cache.putJSON("key-0", json)
        try leaveAddressSpace(12 << 20)
        let count = 1 + fill(cache, from: 1, json)
        precondition(count > 50 && cache.getStats().currentSize == count)
        precondition(cache.getJSON("key-\(count)") == nil)
        // A replacement in the same place gets in; one that needs memory leaves what was there.
        if valueCount < 64 << 10 { try cache.putJSON("key-0", json) }
        #expect(throws: CacheError.self) {
            try cache.putJSON("key-0", [UInt8](repeating: UInt8(ascii: "2"), count: 70_000))
        }
        precondition(cache.getJSON("key-0") == json)
        // What is deleted makes room.
        for number in 0..<count / 2 {
            let isDeleted = cache.delete("key-\(number)")
            precondition(isDeleted)
        }
        let left = cache.getStats().currentSize
        let more = fill(cache, from: 0, json)
        precondition(more >= count / 3 && cache.getStats().currentSize >= left + count / 3)
        audit(cache)
        cache.deleteAll()
        precondition(cache.store.ledger.bytes == cache.store.emptyFootprint)
    }

    /// Puts entries until one is refused.
    ///
    /// - Returns: How many got in.
    private func fill(_ cache: ProductionCache, from start: Int, _ json: [UInt8]) -> Int {
        var number = start
        while true {
            do {
                try cache.putJSON("key-\(number)", json)
            } catch {
                precondition(error.code == .insufficientStorage)
                return number - start
            }
            number += 1
        }
    }

    /// Sees to it that the process can map so many bytes more than it has.
    private func leaveAddressSpace(_ count: Int) throws {
        let file = try #require(fopen("/proc/self/statm", "r"))
        defer { fclose(file) }
        var pages = 0
        while case let byte = fgetc(file), byte != EOF, byte != Int32(UInt8(ascii: " ")) {
            pages = pages * 10 + Int(byte) - Int(UInt8(ascii: "0"))
        }
        let most = rlim_t(pages * VirtualMemory.pageSize + count)
        var limit = rlimit(rlim_cur: most, rlim_max: most)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
    }
#endif
