import Testing

@testable import CacheCore

@Suite struct BytesOfTests {
    private struct Failure: Error, Equatable {}

    @Test func lendsTheBytes() {
        #expect(withUTF8(of: "é\0") { Array($0) } == [0xC3, 0xA9, 0])
        #expect(withUTF8(of: "") { $0.count } == 0)
        #expect(withUTF8(of: String(repeating: "long ", count: 100)) { $0.count } == 500)
        #expect(withBytes(of: [1, 2, 3]) { Array($0) } == [1, 2, 3])
        #expect(withBytes(of: []) { $0.count } == 0)
    }

    @Test func throwsWhatTheBodyThrows() {
        #expect(throws: Failure()) { try withUTF8(of: "key") { _ in throw Failure() } }
        #expect(throws: Failure()) { try withBytes(of: [1]) { _ in throw Failure() } }
    }

    @Test func returnsWhatCannotBeCopied() {
        struct Count: ~Copyable { let number: Int }
        let utf8 = withUTF8(of: "key") { Count(number: $0.count) }
        let bytes = withBytes(of: [1, 2]) { Count(number: $0.count) }
        #expect(utf8.number + bytes.number == 5)
    }
}
