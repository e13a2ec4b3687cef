import CMalloc
import TestSupport
import Testing

@testable import CacheCore

#if os(Linux)
    import Glibc
#endif

@Suite struct BlockPoolTests {
    /// No two blocks overlap, each is zero when it comes, and what comes back is had again.
    @Test func handsOutEachByteOnce() throws {
        var random = TestSeed.generator("handsOutEachByteOnce")
        let pool = BlockPool()
        var held: [(block: UnsafeMutableRawPointer, count: Int, mark: UInt8)] = []
        func bytes(_ block: UnsafeMutableRawPointer, _ count: Int) -> [UInt8] {
            // The ends of each page are enough to tell.
            stride(from: 0, to: count, by: VirtualMemory.pageSize).flatMap { start in
                [
                    block.load(fromByteOffset: start, as: UInt8.self),
                    block.load(fromByteOffset: start + VirtualMemory.pageSize - 1, as: UInt8.self),
                ]
            }
        }
        for step in 0..<4000 {
            if random.below(100) < 55, held.count < 200 {
                let largest = random.oneIn(20) ? 2 << 20 : 64 << 10
                let count = VirtualMemory.rounded(1 + random.below(largest))
                let block = try #require(pool.take(count))
                try #require(bytes(block, count).allSatisfy { $0 == 0 })
                let mark = UInt8(truncatingIfNeeded: step) | 1
                memset(block, CInt(mark), count)
                held.append((block, count, mark))
            } else if !held.isEmpty {
                held.swapAt(random.below(held.count), held.count - 1)
                let (block, count, mark) = held.removeLast()
                try #require(bytes(block, count).allSatisfy { $0 == mark })
                pool.give(block, count)
            }
        }
        for (block, count, mark) in held {
            try #require(bytes(block, count).allSatisfy { $0 == mark })
            pool.give(block, count)
        }
        #expect(pool.heldBytes == 0)
        #expect(pool.arenaCount <= 3, "addresses are used again")
    }

    #if os(Linux)
        /// As many blocks as the system keeps mappings, of which every other goes: the process lives on, and few mappings were added.
        @Test func blocksGoInAnyOrder() async {
            await #expect(processExitsWith: .success) {
                let pool = BlockPool()
                let pageSize = VirtualMemory.pageSize
                let count = 150_000
                // A sanitizer maps each library that is loaded many times.
                let mappings = mappingCount()
                var blocks: [UnsafeMutableRawPointer] = []
                for _ in 0..<count { blocks.append(pool.take(pageSize)!) }
                for number in stride(from: 0, to: count, by: 2) { pool.give(blocks[number], pageSize) }
                precondition(pool.heldBytes == count / 2 * pageSize && mappingCount() < mappings + 500)
                // What went back holds no room, what stayed does.
                var isResident: UInt8 = 0
                for number in 0..<100 {
                    precondition(mincore(blocks[number], pageSize, &isResident) == 0)
                    precondition(isResident & 1 == UInt8(number % 2))
                }
            }
        }

        /// When the system has as many mappings as it may keep, what cannot be unmapped gives its room back, and serves again.
        @Test(.enabled(if: mallinfo2().uordblks > 1 << 16, "a sanitizer needs mappings of its own"))
        func whatCannotBeUnmappedServesAgain() async {
            await #expect(processExitsWith: .success) {
                guard let most = readMostMappings(), most <= 1 << 18 else { return }
                let count = 3 << 20
                let whole = VirtualMemory.map(3 * count)!
                // Neighbours that differ cannot be one mapping.
                let pageSize = VirtualMemory.pageSize
                let many = mmap(
                    nil, 2 * most * pageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)!
                var place = 0
                while mprotect(many + place * pageSize, pageSize, PROT_NONE) == 0 { place += 2 }
                precondition(errno == ENOMEM)
                let middle = whole + count
                memset(middle, 1, count)
                VirtualMemory.unmap(middle, count)
                precondition(VirtualMemory.strandedBytes == count)
                let again = VirtualMemory.map(count - pageSize, isTouched: true)!
                precondition(again == middle && again.load(as: Int.self) == 0)
                precondition(VirtualMemory.map(pageSize) == middle + count - pageSize)
                precondition(VirtualMemory.strandedBytes == 0)
                precondition(VirtualMemory.mappedBytes >= 3 * count)
            }
        }
    #endif
}

#if os(Linux)
    private func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(byte)) }
        return bytes
    }

    private func mappingCount() -> Int { read("/proc/self/maps").count { $0 == UInt8(ascii: "\n") } }

    private func readMostMappings() -> Int? {
        Int(String(decoding: read("/proc/sys/vm/max_map_count").dropLast(), as: UTF8.self))
    }
#endif
