import TestSupport
import Testing

@testable import CacheCore

/// Values that are received into the memory that the entry keeps.
struct IncomingValueTests {
    private let cache: ProductionCache
    private let key = Array("key".utf8)

    init() throws { cache = try ProductionCache(capacity: 1000) }

    private struct NoRoom: Error {}

    private func receive(_ text: String, announced: Int? = nil) throws -> IncomingValue {
        let count = announced ?? text.utf8.count
        guard let incoming = key.withUnsafeBytes({ cache.receive($0, count: count) }) else { throw NoRoom() }
        incoming.room.copyBytes(from: text.utf8)
        return incoming
    }

    /// Puts the text that was received.
    private func put(_ incoming: IncomingValue, count: Int) throws {
        let text = UnsafeRawBufferPointer(rebasing: incoming.room[..<count])
        try JSONDocumentPool.withDocument { document in
            try document.parse(text)
            _ = try key.withUnsafeBytes {
                try cache.put($0, document, document.root, lifetime: nil, from: incoming)
            }
        }
    }

    private struct Miss: Error {}

    /// Where the entry has its value.
    private func address() throws -> UnsafeRawPointer? {
        guard let value = withUTF8(of: "key", { cache.lookup($0) }) else { throw Miss() }
        return value.withUnsafeBytes { $0.baseAddress }
    }

    private func text(_ count: Int) -> String { "\"" + String(repeating: "v", count: count - 2) + "\"" }

    @Test(arguments: [100_000, 1_000_000, 3_000_000])
    func theEntryKeepsTheMemory(count: Int) throws {
        let text = text(count)
        var room: UnsafeRawPointer?
        do {
            let incoming = try receive(text)
            room = incoming.room.baseAddress.map { UnsafeRawPointer($0) }
            try put(incoming, count: count)
        }
        #expect(try address() == room)
        #expect(cache.getJSON("key") == Array(text.utf8))
        let held = BlockPool.shared.heldBytes + VirtualMemory.mappedBytes
        #expect(cache.delete("key"))
        #expect(BlockPool.shared.heldBytes + VirtualMemory.mappedBytes <= held - count)
    }

    @Test func aLineFeedBehindItIsLeftOut() throws {
        let text = text(100_000)
        let incoming = try receive(text + "\r\n")
        try put(incoming, count: text.utf8.count + 2)
        #expect(try address() == incoming.room.baseAddress.map { UnsafeRawPointer($0) })
        #expect(cache.getJSON("key") == Array(text.utf8))
    }

    @Test(arguments: [" \(String(repeating: " ", count: 100_000))1", "[\(String(repeating: "1, ", count: 50_000))1]"])
    func whatHasWhiteSpaceIsCopiedWithout(text: String) throws {
        let incoming = try receive(text)
        try put(incoming, count: text.utf8.count)
        #expect(try address() != incoming.room.baseAddress.map { UnsafeRawPointer($0) })
        #expect(cache.getJSON("key") == Array(text.utf8.filter { $0 != UInt8(ascii: " ") }))
    }

    /// The text may end far before what was announced, as nothing keeps a caller from it.
    @Test func whatNeedsFewerPagesIsCopied() throws {
        let text = text(100_000)
        let incoming = try receive(text, announced: 200_000)
        try put(incoming, count: 100_000)
        #expect(cache.getJSON("key") == Array(text.utf8))
        #expect(try address() != incoming.room.baseAddress.map { UnsafeRawPointer($0) })
    }

    @Test func anotherKeysMemoryIsNotTaken() throws {
        let text = text(100_000)
        let incoming = try receive(text)
        try JSONDocumentPool.withDocument { document in
            try document.parse(UnsafeRawBufferPointer(rebasing: incoming.room[..<100_000]))
            _ = try Array("other".utf8).withUnsafeBytes {
                try cache.put($0, document, document.root, lifetime: nil, from: incoming)
            }
        }
        #expect(cache.getJSON("other") == Array(text.utf8))
        #expect(cache.getJSON("key") == nil)
    }

    @Test func whatIsNotKeptInMemoryOfItsOwnHasNone() throws {
        #expect(throws: NoRoom.self) { try receive("1") }
        #expect(throws: NoRoom.self) { try receive("", announced: 1000) }
        // Nor where the pages have no room for the parser to read behind it.
        let header = VirtualMemory.pageSize - ValueBlock.slack(keyCount: 0, valueCount: 0)
        let full = 64 * VirtualMemory.pageSize - header - key.count
        for short in [0, JSONDocument.padding - 1] {
            #expect(throws: NoRoom.self, "\(short)") { try receive("", announced: full - short) }
        }
        _ = try receive("", announced: full - JSONDocument.padding)
        _ = try receive("", announced: full + 1)
    }

    /// A condition that fails, or a text that is no JSON, gives the memory back.
    @Test func whatIsNotPutGoesBack() throws {
        let before = cache.getStats().memoryBytes
        do {
            let incoming = try receive("[" + text(100_000))
            #expect(throws: JSONSyntaxError.self) { try put(incoming, count: 100_001) }
        }
        #expect(cache.getStats().memoryBytes == before)
        #expect(cache.getJSON("key") == nil)
    }
}
