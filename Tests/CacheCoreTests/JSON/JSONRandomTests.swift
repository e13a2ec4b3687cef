import Testing

@testable import CacheCore

/// Random texts against their generator and against the reference.
@Suite("JSON, random texts")
struct JSONRandomTests {
    @Test func minifiesAndWalksRandomTexts() throws {
        var generator = JSONTextGenerator()
        var document = JSONDocument()
        let seed = generator.seed
        print("JSON texts: seed \(seed)")
        for round in 0..<500 {
            let sample = generator.sample()
            try PaddedText.with(sample.text) { bytes in
                try document.parse(bytes)
                #expect(document.rebuilt(document.root) == sample.minified, "seed \(seed), round \(round)")
                check(document, document.root, "seed \(seed), round \(round): \(quoted(sample.text))")
            }
        }
    }

    /// What is known of each node agrees with what a walk over it finds.
    private func check(_ document: borrowing JSONDocument, _ node: JSONNode, _ comment: Comment) {
        let rebuilt = document.rebuilt(node)
        let minified = document.minified(node)
        #expect(minified == rebuilt, comment)
        let source = Array(document.source(of: node))
        #expect(JSONOutcome(reference: source) == .valid(minified: rebuilt), comment)
        for child in document.children(of: node) { check(document, child, comment) }
    }

    @Test func judgesDamagedTextsLikeTheReference() {
        var generator = JSONTextGenerator()
        var document = JSONDocument()
        let seed = generator.seed
        print("damaged JSON texts: seed \(seed)")
        var refused = 0
        let rounds = 10_000
        for round in 0..<rounds {
            let text = generator.damaged(generator.sample(maxDepth: 3).text)
            let reference = JSONOutcome(reference: text)
            let outcome = JSONOutcome(
                parsing: text, padding: PaddedText.paddings[round % PaddedText.paddings.count], with: &document)
            guard outcome == reference else {
                Issue.record("seed \(seed), round \(round): \(quoted(text)) gave \(outcome), not \(reference)")
                return
            }
            if case .invalid = outcome { refused += 1 }
        }
        // The damage is neither always fatal nor never.
        #expect(refused > rounds / 4 && refused < rounds)
    }

    @Test func judgesNoiseLikeTheReference() {
        var generator = JSONTextGenerator()
        var document = JSONDocument()
        let seed = generator.seed
        print("JSON noise: seed \(seed)")
        let alphabet = Array("{}[],:\"\\ 0-1.e+tn".utf8)
        for round in 0..<20_000 {
            let text = (0..<generator.below(12)).map { _ in alphabet[generator.below(alphabet.count)] }
            let outcome = JSONOutcome(
                parsing: text, padding: PaddedText.paddings[round % PaddedText.paddings.count], with: &document)
            #expect(outcome == JSONOutcome(reference: text), "seed \(seed), round \(round): \(quoted(text))")
        }
    }
}
