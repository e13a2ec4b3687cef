import TestSupport
import Testing

@testable import CacheCore

@Suite struct KeyBatchTests {
    @Test func keepsDistinctKeysInTheirOrder() throws {
        var batch = KeyBatch(capacity: 2)
        #expect(
            try ["b", "a", "b", "c", "a", "a\0", "á"].map { try batch.append(Array($0.utf8)) } == [0, 1, 0, 2, 1, 3, 4])
        #expect(batch.count == 5)
        #expect(texts(batch) == ["b", "a", "c", "a\0", "á"])
    }

    @Test func hashesAsTheStoreDoes() throws {
        var batch = KeyBatch(capacity: 0)
        for number in 0..<50 { try batch.append(Array("key-\(number)".utf8)) }
        let hasher = KeyHasher()
        for place in 0..<50 {
            batch.withKey(place) { key, hash in
                #expect(hash == hasher.hash(key))
                #expect(hash == batch.hash(place))
            }
        }
    }

    /// Against a plain array, far beyond the capacity it was made for.
    @Test(arguments: [0, 1, 16, 10_000])
    func growsAsNeeded(capacity: Int) throws {
        var random = TestSeed.generator("growsAsNeeded \(capacity)")
        var batch = KeyBatch(capacity: capacity)
        var expected: [String: Int] = [:]
        for _ in 0..<6000 {
            let key = String(repeating: "k", count: random.below(3)) + "\(random.below(3000))"
            let place = expected[key] ?? expected.count
            expected[key] = place
            try #require(try batch.append(Array(key.utf8)) == place)
        }
        #expect(batch.count == expected.count)
        #expect(texts(batch) == expected.sorted { $0.value < $1.value }.map(\.key))
    }

    @Test func refusesWhatCannotBeAKey() throws {
        var batch = KeyBatch(capacity: 1)
        #expect(throws: CacheError.self) { try batch.append([]) }
        let tooLong = [UInt8](repeating: 1, count: 65_536)
        let error = #expect(throws: CacheError.self) { try batch.append(tooLong) }
        #expect(error?.code == .keyTooLong)
        #expect(batch.count == 0)
        try batch.append(Array(tooLong.dropLast()))
        #expect(batch.count == 1)
        #expect(batch.withKey(0) { key, _ in key.count } == 65_535)
    }

    private func texts(_ batch: borrowing KeyBatch) -> [String] {
        var texts: [String] = []
        for place in 0..<batch.count {
            texts.append(batch.withKey(place) { key, _ in String(decoding: key, as: UTF8.self) })
        }
        return texts
    }
}
