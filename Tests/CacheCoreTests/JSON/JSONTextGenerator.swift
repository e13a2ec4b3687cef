/// Random JSON texts, each with its minified form, and random damage to texts. The same seed gives the same texts.
struct JSONTextGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64 = .random(in: .min ... .max)) {
        self.seed = seed
        state = seed
    }

    /// A text with white space between its tokens, and the same without.
    struct Sample {
        var text: [UInt8] = []
        var minified: [UInt8] = []
    }

    mutating func sample(maxDepth: Int = 6) -> Sample {
        var sample = Sample()
        // A third of the texts has no white space, a third little, a third much.
        let spacing = below(3)
        space(&sample, spacing)
        value(&sample, depth: maxDepth, spacing)
        space(&sample, spacing)
        return sample
    }

    /// Changes, removes, doubles or inserts a few bytes.
    mutating func damaged(_ text: [UInt8]) -> [UInt8] {
        var text = text
        for _ in 0...below(2) {
            let at = below(text.count + 1)
            switch below(5) {
            case 0: text.insert(telling(), at: at)
            case 1 where at < text.count: text[at] = telling()
            case 2 where at < text.count: text[at] ^= 1 << UInt8(below(8))
            case 3 where at < text.count: text.remove(at: at)
            case 4: text.removeLast(min(below(4), text.count))
            default: text.insert(contentsOf: text.prefix(at).suffix(below(5)), at: at)
            }
        }
        return text
    }

    /// A number from 0 up to, but without, a bound.
    mutating func below(_ bound: Int) -> Int {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Int(z.multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A byte that means something to a parser.
    private mutating func telling() -> UInt8 {
        let bytes =
            Array("{}[],:\"\\ \n\t-+.eE0123456789truefalsnu/xb\0\u{1F}\u{C}\u{1A}\u{7F}é漢😀".utf8) + [
                0x80, 0xC0, 0xED, 0xF5, 0xFF,
            ]
        return bytes[below(bytes.count)]
    }

    private mutating func value(_ sample: inout Sample, depth: Int, _ spacing: Int) {
        switch below(depth > 0 ? 10 : 5) {
        case 0: token(&sample, ["true", "false", "null"][below(3)])
        case 1, 2: token(&sample, number())
        case 3, 4: token(&sample, string())
        case 5, 6, 7:
            container(&sample, "{", "}", spacing) { generator, sample in
                generator.token(&sample, generator.string())
                generator.space(&sample, spacing)
                generator.token(&sample, ":")
                generator.space(&sample, spacing)
                generator.value(&sample, depth: depth - 1, spacing)
            }
        default:
            container(&sample, "[", "]", spacing) { generator, sample in
                generator.value(&sample, depth: depth - 1, spacing)
            }
        }
    }

    private mutating func container(
        _ sample: inout Sample, _ open: String, _ close: String, _ spacing: Int,
        child: (inout JSONTextGenerator, inout Sample) -> Void
    ) {
        token(&sample, open)
        space(&sample, spacing)
        for index in 0..<below(6) {
            if index > 0 {
                token(&sample, ",")
                space(&sample, spacing)
            }
            child(&self, &sample)
            space(&sample, spacing)
        }
        token(&sample, close)
    }

    private func token(_ sample: inout Sample, _ token: String) {
        sample.text += token.utf8
        sample.minified += token.utf8
    }

    private mutating func space(_ sample: inout Sample, _ spacing: Int) {
        guard spacing > 0, below(3) < spacing else { return }
        // Now and then more than a block of 64 bytes.
        let count = below(20) == 0 ? below(150) : below(4)
        for _ in 0..<count { sample.text.append([0x20, 0x20, 0x20, 0x0A, 0x0D, 0x09][below(6)]) }
    }

    private mutating func digits(_ count: Int) -> String {
        (0..<count).map { _ in String(below(10)) }.joined()
    }

    private mutating func number() -> String {
        var text = below(3) == 0 ? "-" : ""
        text += below(4) == 0 ? "0" : String(1 + below(9)) + digits(below(20) == 0 ? below(200) : below(8))
        if below(3) == 0 { text += "." + digits(1 + below(12)) }
        if below(4) == 0 { text += ["e", "E"][below(2)] + ["", "+", "-"][below(3)] + digits(1 + below(5)) }
        return text
    }

    private mutating func string() -> String {
        let parts = [
            "a", "key", "0123456789abcdef", " ", "{", "}", "[", "]", ":", ",", "true", "\u{7F}", "é", "漢字", "😀",
            "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0000", "\\uD800", "\\udC00\\uD83D\\uDE00",
            "\\u00E9",
        ]
        let count = below(20) == 0 ? below(80) : below(6)
        return "\"" + (0..<count).map { _ in parts[below(parts.count)] }.joined() + "\""
    }
}
