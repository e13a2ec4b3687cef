import Testing

@testable import cache_bench

@Suite("The entries that stores are filled with")
struct EntryFillTests {
    @Test("sizes stay in their range, and halve their number from one double to the next")
    func logUniform() {
        var generator = SplitMix64(state: 3)
        let sizes = ValueSizes(from: 64, to: 65_536)
        let drawn = (0..<100_000).map { _ in sizes.next(using: &generator) }
        #expect(drawn.allSatisfy { (64...65_536).contains($0) })
        // Ten doublings: each has a tenth of the values, give or take five standard deviations.
        for doubling in 0..<10 {
            let range = (64 << doubling)..<(128 << doubling)
            #expect(abs(drawn.filter(range.contains).count - 10_000) < 500)
        }
        let mean = Double(drawn.reduce(0, +)) / 100_000
        #expect(abs(mean / sizes.mean - 1) < 0.03)
    }

    @Test("a fixed size is what it says")
    func fixed() {
        var generator = SplitMix64(state: 3)
        #expect(ValueSizes.small.next(using: &generator) == 64)
        #expect(ValueSizes.small.mean == 64)
    }

    @Test(
        "sizes have names",
        arguments: [
            (ValueSizes.small, "64 B"), (.medium, "1 KiB"), (.mixed, "64 B to 64 KiB"), (ValueSizes(1025), "1025 B"),
        ])
    func title(sizes: ValueSizes, title: String) {
        #expect(sizes.title == title)
    }

    @Test("a value is a JSON string of exactly its size", arguments: [2, 3, 64, 65_536])
    func value(size: Int) {
        let text = ValueText(upTo: 65_536)
        let bytes = text.bytes(size, of: 4095)
        #expect(bytes.count == size)
        #expect(bytes.first == UInt8(ascii: "\"") && bytes.last == UInt8(ascii: "\""))
        #expect(bytes.dropFirst().dropLast().allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
        #expect(ValueText(upTo: 65_536).bytes(size, of: 4095) == bytes)
    }

    @Test("a fill is the same each time, and its batches hold every entry once")
    func batches() {
        let fill = EntryFill(count: 1234, sizes: .mixed, seed: 5)
        let entries = Array(fill.batches.joined())
        #expect(entries.map(\.number) == Array(0..<1234))
        #expect(entries == Array(EntryFill(count: 1234, sizes: .mixed, seed: 5).batches.joined()))
        #expect(entries != Array(EntryFill(count: 1234, sizes: .mixed, seed: 6).batches.joined()))
        #expect(fill.usefulBytes == entries.reduce(0) { $0 + 16 + $1.valueBytes })
        #expect(entries[42].key == "key:000000000042")
    }

    @Test("batches are cut by number and by size")
    func cuts() {
        #expect(EntryFill(count: 250, sizes: .small, seed: 1).batches.map(\.count) == [100, 100, 50])
        #expect(EntryFill(count: 5, sizes: ValueSizes(65_536), seed: 1).batches.map(\.count) == [2, 2, 1])
        #expect(EntryFill(count: 0, sizes: .small, seed: 1).batches.map(\.count).isEmpty)
    }

    @Test("a fill of so many bytes has about as many")
    func bytes() {
        let fill = EntryFill(bytes: 50_000_000, sizes: .mixed, seed: 9)
        #expect(abs(Double(fill.usefulBytes) / 50_000_000 - 1) < 0.1)
        #expect(EntryFill(bytes: 8000, sizes: .small, seed: 9).count == 100)
    }
}
