internal import Testing

@testable internal import MicroHTTP

struct BodyBufferTests {
    @Test func isEmptyAtFirst() {
        let buffer = BodyBuffer(expected: nil)
        #expect(buffer.count == 0)
        #expect(buffer.bytes.isEmpty)
    }

    @Test(arguments: [nil, 0, 1, 512, 5000, 1 << 20, Int.max])
    func keepsWhatIsAppendedWhateverWasExpected(expected: Int?) {
        var buffer = BodyBuffer(expected: expected)
        var whole: [UInt8] = []
        for length in [0, 1, 3, 447, 448, 449, 1000, 4096, 70_000] {
            let piece = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ length) }
            #expect(piece.withUnsafeBytes { buffer.append($0) })
            whole += piece
            #expect(buffer.count == whole.count)
            #expect(buffer.bytes.elementsEqual(whole))
        }
    }

    @Test func growsByteForByte() {
        var buffer = BodyBuffer(expected: nil)
        let byte: [UInt8] = [7]
        for count in 1...3000 {
            byte.withUnsafeBytes { _ = buffer.append($0) }
            #expect(buffer.count == count)
        }
        #expect(buffer.bytes.allSatisfy { $0 == 7 })
    }

    /// The address sanitizer sees a read beyond what was allocated.
    @Test(arguments: [0, 1, 447, 448, 449, 512, 4096, 1 << 20])
    func leavesThePaddingReadable(count: Int) {
        for expected in [nil, count] {
            var buffer = BodyBuffer(expected: expected)
            [UInt8](repeating: 1, count: count).withUnsafeBytes { _ = buffer.append($0) }
            guard let start = buffer.bytes.baseAddress else {
                #expect(count == 0)
                continue
            }
            var sum = 0
            for offset in 0..<count + Request.padding { sum += Int(start.load(fromByteOffset: offset, as: UInt8.self)) }
            #expect(sum >= count)
        }
    }

    @Test func announcingMuchSetsLittleAside() {
        // A client's word alone: a thousand of these would be more than any machine has.
        let buffers = (0..<1000).map { _ in Box(BodyBuffer(expected: Int.max)) }
        #expect(buffers.allSatisfy { $0.buffer.count == 0 })
    }

    private final class Box {
        let buffer: BodyBuffer
        init(_ buffer: consuming BodyBuffer) { self.buffer = buffer }
    }
}
