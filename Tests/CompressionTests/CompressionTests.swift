internal import Compression
internal import TestSupport
internal import Testing

/// Both formats, forth and back.
struct CompressionTests {
    private func text(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 7) + UInt8(ascii: "0") }
    }

    private func compress(_ text: [UInt8], _ format: CompressionFormat) throws -> [UInt8] {
        try #require(text.withUnsafeBytes { CompressorPool.compress($0, format) })
    }

    private func decompress(
        _ bytes: [UInt8], _ format: CompressionFormat, pieces: () -> Int = { .max }
    ) throws -> [UInt8] {
        guard var decompressor = Decompressor(format) else { throw NoMemory() }
        var output: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieces())
            rest = rest.dropFirst(piece.count)
            let isWhole = try piece.withUnsafeBytes { bytes in
                try decompressor.append(bytes) {
                    output += $0
                    return true
                }
            }
            #expect(isWhole)
        }
        try decompressor.finish()
        return output
    }

    @Test(arguments: CompressionFormat.allCases, [0, 1, 100, 65_535, 65_536, 65_537, 3_000_000])
    func whatIsCompressedComesBack(format: CompressionFormat, count: Int) throws {
        var random = TestSeed.generator()
        let text = text(count, &random)
        let compressed = try compress(text, format)
        if count >= 100 { #expect(compressed.count < count) }
        #expect(try decompress(compressed, format) == text)
        #expect(try decompress(compressed, format) { Int(random.next() % 5000) + 1 } == text)
    }

    @Test(arguments: CompressionFormat.allCases)
    func piecesAreOneText(format: CompressionFormat) throws {
        var random = TestSeed.generator()
        guard var compressor = Compressor(format) else { throw NoMemory() }
        for _ in 0..<3 {
            var (all, output): ([UInt8], [UInt8]) = ([], [])
            for _ in 0..<50 {
                let piece = text(Int(random.next() % 20_000), &random)
                all += piece
                piece.withUnsafeBytes { compressor.append($0, to: &output) }
            }
            compressor.finish(to: &output)
            #expect(try decompress(output, format) == all)
        }
    }

    @Test(arguments: CompressionFormat.allCases)
    func textsBehindOneAnotherAreOne(format: CompressionFormat) throws {
        let both = try compress(Array("one ".utf8), format) + compress(Array("two".utf8), format)
        #expect(try decompress(both, format) == Array("one two".utf8))
        #expect(try decompress(both, format) { 1 } == Array("one two".utf8))
    }

    @Test(arguments: CompressionFormat.allCases)
    func whatIsCutOffIsNoWhole(format: CompressionFormat) throws {
        let whole = try compress(Array(repeating: UInt8(ascii: "x"), count: 1000), format)
        for count in 1..<whole.count {
            #expect(throws: CompressedDataError.self, "\(count)") { try decompress(Array(whole.prefix(count)), format) }
        }
        #expect(throws: CompressedDataError.self) { try decompress([], format) }
        #expect(throws: CompressedDataError.self) { try decompress(whole + [0], format) }
    }

    @Test(arguments: CompressionFormat.allCases)
    func whatIsChangedIsToldOrComesOutTheSame(format: CompressionFormat) throws {
        var random = TestSeed.generator()
        let text = text(5000, &random)
        let whole = try compress(text, format)
        for _ in 0..<500 {
            var changed = whole
            changed[Int(random.next() % UInt64(whole.count))] ^= 1 << UInt8(random.next() % 8)
            // Parts of the head of a gzip text mean nothing to the content.
            do { #expect(try decompress(changed, format) == text) } catch is CompressedDataError {}
        }
        for count in 1..<200 {
            let noise = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            do { _ = try decompress(noise, format) } catch is CompressedDataError {}
        }
    }

    @Test(arguments: CompressionFormat.allCases)
    func whoCallsBoundsWhatComesOut(format: CompressionFormat) throws {
        let bomb = try compress([UInt8](repeating: 0, count: 50_000_000), format)
        #expect(bomb.count < 300_000)
        guard var decompressor = Decompressor(format) else { throw NoMemory() }
        var count = 0
        let isWhole = try bomb.withUnsafeBytes { bytes in
            try decompressor.append(bytes) {
                count += $0.count
                return count < 1_000_000
            }
        }
        #expect(!isWhole)
        #expect(count < 1_100_000)
    }

    @Test func theReasonIsTold() throws {
        let error = try #require(throws: CompressedDataError.self) { try decompress(Array("hello".utf8), .gzip) }
        #expect(error.description == "it is no whole gzip data: incorrect header check, within its first 2 bytes")
    }

    private struct NoMemory: Error {}
}
