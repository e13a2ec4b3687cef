import TestSupport
import Testing

@testable import CacheCore

struct TagIndexTests {
    private func list(_ names: [String]) throws -> TagList { try #require(try TagList.make(names)) }

    @Test func tellsWhoHasATag() throws {
        var index = TagIndex()
        index.add(try list(["a", "b"]), to: 1)
        index.add(try list(["b"]), to: 2)
        #expect(index.members(of: Array("b".utf8), atMost: 10) == [1, 2])
        #expect(index.members(of: Array("b".utf8), atMost: 1) == [1])
        #expect(index.members(of: Array("c".utf8), atMost: 10) == [])
        #expect(index.tags(of: 1)?.names == [Array("a".utf8), Array("b".utf8)])
        #expect(index.tags(of: 3) == nil)
        index.remove(1)
        #expect(index.members(of: Array("a".utf8), atMost: 10) == [])
        #expect(index.count(of: Array("b".utf8)) == 1)
        index.remove(2)
        #expect(index.footprint == 0 && index.taggedCount == 0)
    }

    @Test func namesAreChecked() throws {
        #expect(try TagList.make([String]()) == nil)
        #expect(try TagList.make(["a", "a"])?.names.count == 1)
        #expect(try TagList.make([String(repeating: "x", count: 256)]) != nil)
        for wrong in [[""], [String(repeating: "x", count: 257)], (0...64).map { "\($0)" }] {
            let error = #expect(throws: CacheError.self) { try TagList.make(wrong) }
            #expect(error?.code == .invalidTag)
        }
    }

    /// Against dictionaries that say the same as plainly as can be.
    @Test func isWhatDictionariesWouldBe() throws {
        var random = TestSeed.generator()
        var index = TagIndex()
        var tags: [UInt64: [String]] = [:]
        var arrivals: [UInt64: Int] = [:]
        for step in 0..<20_000 {
            let key = UInt64(random.below(300))
            if tags[key] != nil {
                index.remove(key)
                tags[key] = nil
            } else if random.below(3) > 0 || step < 10_000 {
                let names = Array(Set((0...random.below(4)).map { _ in "t\(random.below(20))" }))
                index.add(try list(names), to: key)
                tags[key] = names
                arrivals[key] = step
            }
            guard step % 500 == 0 else { continue }
            for number in 0..<20 {
                let name = "t\(number)"
                let members = tags.filter { $0.value.contains(name) }.keys.sorted { arrivals[$0]! < arrivals[$1]! }
                #expect(index.members(of: Array(name.utf8), atMost: .max) == members)
                #expect(index.count(of: Array(name.utf8)) == members.count)
            }
            for (key, names) in tags {
                #expect(index.tags(of: key)?.names == names.map { Array($0.utf8) })
            }
            #expect(index.taggedCount == tags.count)
        }
        for key in tags.keys { index.remove(key) }
        #expect(index.footprint == 0)
    }
}
