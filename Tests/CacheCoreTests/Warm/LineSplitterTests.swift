import TestSupport
import Testing

@testable import CacheCore

@Suite struct LineSplitterTests {
    /// What a splitter told: a line's number, and its text or that it was too long.
    struct Told: Equatable, CustomStringConvertible {
        var number: Int
        var text: String?
        var description: String { "\(number): \(text?.debugDescription ?? "too long")" }
    }

    /// Feeds pieces, each in memory of its own size, so that a read beyond one is seen by the address sanitizer.
    private func split(_ pieces: [[UInt8]], maxLineBytes: Int = 1000) -> [Told] {
        var splitter = LineSplitter(maxLineBytes: maxLineBytes)
        var told: [Told] = []
        func tell(_ number: Int, _ line: LineSplitter.Line) {
            switch line {
            case .tooLong: told.append(Told(number: number, text: nil))
            case .text(let text):
                // What the parser may read behind the line must be readable.
                let padded = Array(
                    UnsafeRawBufferPointer(start: text.baseAddress, count: text.count + JSONDocument.padding))
                told.append(Told(number: number, text: String(decoding: padded.prefix(text.count), as: UTF8.self)))
            }
        }
        for piece in pieces {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
            memory.copyBytes(from: piece)
            splitter.consume(UnsafeRawBufferPointer(memory), tell)
            memory.deallocate()
        }
        splitter.finish(tell)
        return told
    }

    private func split(_ text: String, maxLineBytes: Int = 1000) -> [Told] {
        split([Array(text.utf8)], maxLineBytes: maxLineBytes)
    }

    @Test func tellsLinesWithTheirNumbers() {
        #expect(split("") == [])
        #expect(split("\n") == [])
        #expect(split("a") == [Told(number: 1, text: "a")])
        #expect(split("a\n") == [Told(number: 1, text: "a")])
        #expect(split("a\nb") == [Told(number: 1, text: "a"), Told(number: 2, text: "b")])
        #expect(split("\n \t\r\n\nb\n\n") == [Told(number: 4, text: "b")])
        #expect(split("a\r\nb\r") == [Told(number: 1, text: "a\r"), Told(number: 2, text: "b\r")])
        #expect(split(" a \n") == [Told(number: 1, text: " a ")])
        #expect(split("a\0b\n") == [Told(number: 1, text: "a\0b")])
    }

    /// The same lines wherever the stream is cut, into two or three pieces, near the ends of the padding too.
    @Test func cutsChangeNothing() {
        let text = Array(
            "{\"a\":1}\n\n  \r\nsecond line\r\n\(String(repeating: "x", count: 70))\nlast, without a feed".utf8)
        let whole = split([text])
        #expect(whole.map(\.number) == [1, 4, 5, 6])
        for first in 0...text.count {
            #expect(split([Array(text[..<first]), Array(text[first...])]) == whole, "cut at \(first)")
            for second in stride(from: first, through: text.count, by: 7) {
                let pieces = [Array(text[..<first]), Array(text[first..<second]), Array(text[second...])]
                #expect(split(pieces) == whole, "cut at \(first) and \(second)")
            }
        }
        #expect(split(text.map { [$0] }) == whole, "byte by byte")
    }

    @Test func randomStreamsInRandomPieces() {
        var random = TestSeed.generator()
        for _ in 0..<300 {
            let bytes = (0..<random.below(400)).map { _ in random.element(of: Array("ab \t\r\n\n".utf8)) }
            let maxLineBytes = 1 + random.below(12)
            var expected: [Told] = []
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            for (number, line) in lines.enumerated() where number < lines.count - 1 || !line.isEmpty {
                if line.count > maxLineBytes {
                    expected.append(Told(number: number + 1, text: nil))
                } else if line.contains(where: { !Array(" \t\r".utf8).contains($0) }) {
                    expected.append(Told(number: number + 1, text: String(decoding: line, as: UTF8.self)))
                }
            }
            var pieces: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 + random.below(random.oneIn(3) ? 200 : 10))
                pieces.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            #expect(split(pieces, maxLineBytes: maxLineBytes) == expected)
        }
    }

    /// A line of exactly the most bytes is told, one more is not; the next line is read as ever.
    @Test(arguments: [1, 63, 64, 65, 100])
    func linesHaveABound(maxLineBytes: Int) {
        for extra in [-1, 0, 1, 150] where maxLineBytes + extra > 0 {
            let line = String(repeating: "x", count: maxLineBytes + extra)
            let first = Told(number: 1, text: extra > 0 ? nil : line)
            #expect(split(line, maxLineBytes: maxLineBytes) == [first], "at the end of the stream")
            let text = Array("\(line)\ny\n\(line)\nz".utf8)
            let third = Told(number: 3, text: first.text)
            let whole = [first, Told(number: 2, text: "y"), third, Told(number: 4, text: "z")]
            for cut in 0...text.count {
                let pieces = [Array(text[..<cut]), Array(text[cut...])]
                #expect(split(pieces, maxLineBytes: maxLineBytes) == whole, "\(extra) more, cut at \(cut)")
            }
        }
    }
}
