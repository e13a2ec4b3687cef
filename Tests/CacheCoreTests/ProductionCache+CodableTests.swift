import Foundation
import TestSupport
import Testing

@testable import CacheCore

@Suite struct ProductionCacheCodableTests {
    struct Address: Codable, Equatable {
        var street: String
        var number: Int?
    }

    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Double)
        case polygon([Int], name: String?)
    }

    enum Level: String, Codable { case low, high }

    struct Person: Codable, Equatable {
        var name: String
        var age: Int
        var isActive: Bool
        var address: Address?
        var tags: [String]
        var matrix: [[Double]]
        var scores: [String: Int]
        var born: Date
        var picture: Data
        var shape: Shape
        var level: Level
        var big: UInt64
        var link: URL
        var id: UUID
    }

    private static var person: Person {
        Person(
            name: "Zoë \"Z\" \u{1F600}\n\u{0}", age: 41, isActive: true,
            address: Address(street: "Straße", number: nil),
            tags: ["", "a/b"], matrix: [[1.5, -2e-10], [], [.greatestFiniteMagnitude]], scores: ["x": .min, "y": .max],
            born: Date(timeIntervalSinceReferenceDate: 12_345.678), picture: Data((0...255).map { UInt8($0) }),
            shape: .polygon([3, 4, 5], name: "triangle"), level: .high, big: .max,
            link: URL(string: "https://example.org/?q=1")!,
            id: UUID(uuidString: "6F9619FF-8B86-D011-B42D-00CF4FC964FF")!)
    }

    private let cache: ProductionCache

    init() throws { cache = try ProductionCache(capacity: 100) }

    private func roundTrip<Value: Codable & Equatable>(
        _ value: Value, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try cache.put("key", value)
        #expect(try cache.get("key", as: Value.self) == value, sourceLocation: sourceLocation)
        try cache.mput(["bulk": value])
        #expect(try cache.mget(["bulk"], as: Value.self) == ["bulk": value], sourceLocation: sourceLocation)
    }

    @Test func structures() throws {
        try roundTrip(Self.person)
        try roundTrip([Self.person, Self.person])
        try roundTrip(["a": Self.person])
    }

    @Test func bareValues() throws {
        try roundTrip(1)
        try roundTrip(Int64.min)
        try roundTrip(UInt64.max)
        try roundTrip(-0.1)
        try roundTrip(true)
        try roundTrip("")
        try roundTrip("a\"\\/\u{8}\u{C}\n\r\t\u{1F}\u{2028}é漢😀")
        try roundTrip(Date(timeIntervalSinceReferenceDate: -1.25))
        try roundTrip(Data([0, 255]))
        try roundTrip(Data())
        try roundTrip(Decimal(string: "12345678901234567890.123")!)
    }

    @Test func optionals() throws {
        try roundTrip(Int?.some(1))
        try roundTrip(Int?.none)
        try roundTrip([1, nil, 3] as [Int?])
        try roundTrip(Address(street: "s", number: 5))
        // A value that is nil is a value: it is found, and is not a miss.
        try cache.put("nil", String?.none)
        #expect(cache.getJSON("nil") == Array("null".utf8))
        #expect(try cache.get("nil", as: String?.self) == .some(.none))
        #expect(try cache.get("miss", as: String?.self) == nil)
        #expect(cache.getStats().misses == 1)
    }

    @Test func enumsWithPayloads() throws {
        for shape in [Shape.point, .circle(radius: 0.5), .polygon([], name: nil), .polygon([1], name: "n")] {
            try roundTrip(shape)
        }
        try roundTrip([Level.low: 1])
    }

    @Test func nestedArraysOfNumbers() throws {
        let random = TestSeed.generator()
        var generator = random
        let matrix = (0..<40).map { _ in (0..<40).map { _ in Double(bitPattern: generator.next()) } }
            .map { $0.filter(\.isFinite) }
        try roundTrip(matrix)
        try roundTrip([[[Int]]](repeating: [[1, 2], []], count: 3))
        try roundTrip([UInt8](0...255))
    }

    @Test func customStrategies() throws {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.dataEncodingStrategy = .custom { data, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(data.map { String($0, radix: 16) }.joined(separator: "-"))
        }
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = .sortedKeys
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        decoder.dataDecodingStrategy = .custom { decoder in
            let text = try decoder.singleValueContainer().decode(String.self)
            return Data(text.split(separator: "-").map { UInt8($0, radix: 16)! })
        }
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        struct Record: Codable, Equatable {
            var createdAt: Date
            var rawBytes: Data
        }
        let record = Record(createdAt: Date(timeIntervalSince1970: 1_700_000_000), rawBytes: Data([1, 254]))
        let cache = try ProductionCache(CacheConfiguration(capacity: 10, encoder: encoder, decoder: decoder))
        try cache.put("key", record)
        #expect(
            cache.getJSON("key").map { String(decoding: $0, as: UTF8.self) }
                == "{\"created_at\":\"2023-11-14T22:13:20Z\",\"raw_bytes\":\"1-fe\"}")
        #expect(try cache.get("key", as: Record.self) == record)
    }

    /// Whatever the encoder prints, the value is kept without insignificant white space: an export has a line a value.
    @Test func prettyPrintedValuesAreKeptMinified() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let cache = try ProductionCache(CacheConfiguration(capacity: 10, encoder: encoder))
        try cache.put("key", Address(street: "a \n / b", number: 1))
        #expect(cache.getJSON("key") == Array("{\"number\":1,\"street\":\"a \\n / b\"}".utf8))
        try cache.mput(["empty": [String: Int](), "list": [:]])
        try cache.put("list", [[1], []])
        #expect(cache.getJSON("list") == Array("[[1],[]]".utf8))
        #expect(cache.getJSON("empty") == Array("{}".utf8))
        #expect(try cache.get("key", as: Address.self) == Address(street: "a \n / b", number: 1))
    }

    @Test func readsWhatWasPutAsJSON() throws {
        try cache.putJSON("key", "{\"street\": \"s\", \"number\": 1e2, \"unknown\": [1]}".utf8)
        #expect(try cache.get("key", as: Address.self) == Address(street: "s", number: 100))
        try cache.put("key", Address(street: "s", number: nil))
        #expect(cache.getJSON("key") == Array("{\"street\":\"s\"}".utf8))
    }

    /// What cannot be decoded is an error, not a miss; it is a hit, for the entry is there.
    @Test func aValueOfAnotherTypeThrows() throws {
        try cache.put("key", "text")
        #expect(throws: DecodingError.self) { try cache.get("key", as: Int.self) }
        #expect(throws: DecodingError.self) { try cache.mget(["key"], as: Int.self) }
        #expect(cache.getStats().hits == 2)
        #expect(try cache.get("key", as: String.self) == "text")
    }

    @Test func aValueThatCannotBeEncodedChangesNothing() throws {
        try cache.put("key", 1)
        #expect(throws: EncodingError.self) { try cache.put("key", Double.nan) }
        #expect(throws: EncodingError.self) { try cache.mput(["key": 2.0, "nan": Double.infinity]) }
        #expect(try cache.get("key") == 1)
        #expect(cache.getStats().currentSize == 1 && cache.getStats().puts == 1)
    }

    /// A decoded value owns what it has: it is whole after its entry is gone.
    @Test func decodedValuesOutliveTheirEntries() throws {
        struct Late: Decodable {
            let container: any UnkeyedDecodingContainer
            init(from decoder: any Decoder) throws { container = try decoder.unkeyedContainer() }
        }
        try cache.put("key", (0..<2000).map { "text-\($0)" })
        let texts = try #require(try cache.get("key", as: [String].self))
        let late = try #require(try cache.get("key", as: Late.self))
        cache.deleteAll()
        for number in 0..<50 { try cache.putJSON("new-\(number)", String(repeating: "1", count: 20_000).utf8) }
        #expect(texts == (0..<2000).map { "text-\($0)" })
        var container = late.container
        #expect(try (0..<2000).map { _ in try container.decode(String.self) } == texts)
    }

    @Test func threadsShareOneEncoderAndDecoder() throws {
        let cache = cache
        try runThreads(4) { thread in
            for number in 0..<100 {
                let address = Address(street: "street \(thread)", number: number)
                try cache.put("key-\(thread)", address)
                #expect(try cache.get("key-\(thread)", as: Address.self) == address)
            }
        }
    }
}
