import TestSupport
import Testing

@testable import CacheCore

@Suite struct SlabTests {
    /// No slot is handed out twice, each has its size to itself, and pages go back when they are empty.
    @Test(arguments: [4096, 16384])
    func handsOutEachSlotOnce(pageSize: Int) throws {
        var random = TestSeed.generator("handsOutEachSlotOnce \(pageSize)")
        let entries = TestEntries(pageSize: pageSize)
        let slab = entries.slab
        var held: [Slab.SlotID: (classIndex: Int, mark: UInt8)] = [:]
        func bytes(_ slot: Slab.SlotID, _ classIndex: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(start: slab.address(slot), count: entries.pool.classes.sizes[classIndex])
        }
        for step in 0..<30_000 {
            if random.below(100) < ((step / 6000).isMultiple(of: 2) ? 60 : 40) || held.isEmpty {
                let classIndex = random.below(entries.pool.classes.count)
                let slot = slab.take(classIndex)
                try #require(held[slot] == nil && slot != 0)
                let mark = UInt8(truncatingIfNeeded: step)
                for place in bytes(slot, classIndex).indices { bytes(slot, classIndex)[place] = mark }
                held[slot] = (classIndex, mark)
            } else {
                let slot = held.first!.key
                let (classIndex, mark) = held.removeValue(forKey: slot)!
                try #require(bytes(slot, classIndex).allSatisfy { $0 == mark })
                if let page = slab.give(slot) { slab.release(page) }
            }
        }
        for (slot, content) in held {
            try #require(bytes(slot, content.classIndex).allSatisfy { $0 == content.mark })
            if let page = slab.give(slot) { slab.release(page) }
        }
        #expect(slab.footprint == 0 && slab.state.pointee.freeBytes == 0 && slab.state.pointee.spare == 0)
    }

    @Test(arguments: [4096, 16384, 65536])
    func classesFollowFromThePage(pageSize: Int) {
        let entries = TestEntries(pageSize: pageSize)
        let classes = entries.pool.classes
        #expect(classes.sizes[0] == 32 && classes.largest == pageSize / 4)
        #expect(classes.sizes.allSatisfy { $0.isMultiple(of: 8) })
        for (size, slots) in zip(classes.sizes, classes.slotsPerPage) {
            #expect(size * slots <= pageSize && slots >= 4)
        }
        let geometry = entries.slab.geometry
        for size in 1...geometry.largest {
            let index = geometry.classIndex(size)
            #expect(classes.sizes[index] >= size && (index == 0 || classes.sizes[index - 1] < size))
            #expect(index != geometry.pieceClass)
        }
    }

    @Test func pagesGoBackToThePoolAndComeAgain() {
        let pool = PagePool(pageSize: 16 << 10)
        // More than are kept warm.
        let pages = (0..<200).map { _ in pool.take()! }
        #expect(Set(pages).count == 200)
        for page in pages { page.storeBytes(of: 1, as: Int.self) }
        for page in pages { pool.give(page) }
        #expect(pool.warmBytes == 200 * 16 << 10, "to give a page takes no time")
        pool.trim()
        #expect(pool.warmBytes <= 1 << 20 && pool.warmBytes > 0)
        let again = (0..<200).map { _ in pool.take()! }
        #expect(Set(again) == Set(pages), "none is mapped anew")
        #expect(again.count { $0.load(as: Int.self) == 0 } > 100, "the room of most was given back meanwhile")
        for page in again { pool.give(page) }
    }

    /// What free pages hold is a small share of what the store may.
    @Test func fewPagesAreKeptWhereThereIsLittleMemory() {
        for limit in [64 << 10, 1 << 20, 16 << 20, 1 << 30] {
            let pool = PagePool(pageSize: 4096, memoryLimit: limit)
            for page in (0..<1000).map({ _ in pool.take()! }) { pool.give(page) }
            pool.trim()
            #expect(pool.warmBytes <= min(1 << 20, limit / 64))
        }
    }

    /// Pages that are not needed after all go back.
    @Test func pagesOfAnEntryAreTakenAtOnce() throws {
        let entries = TestEntries(pageSize: 4096)
        let slab = entries.slab
        let layout = EntryLayout(keyCount: 10, valueCount: 16_000, in: slab.geometry)
        let needed = slab.pagesNeeded(for: layout)
        #expect(needed == layout.pagesAlone(in: slab.geometry))
        #expect(slab.takePages(for: layout))
        #expect(slab.footprint == needed * slab.pageCost && slab.pagesNeeded(for: layout) == 0)
    }
}
