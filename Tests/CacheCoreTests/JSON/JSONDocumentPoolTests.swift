import Testing

@testable import CacheCore

@Suite("JSON document pool")
struct JSONDocumentPoolTests {
    /// More documents at once than the pool keeps, each with a text of its own.
    @Test func lendsEachDocumentToOneTaskAtATime() async {
        await withTaskGroup(of: Bool.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<500).allSatisfy { round in
                        let number = Array("\(task * 1000 + round)".utf8)
                        let text = Array("[ [ ".utf8) + number + Array(" ] ]".utf8)
                        return PaddedText.with(text) { bytes in
                            JSONDocumentPool.withDocument { document in
                                JSONOutcome(parsing: text, with: &document)
                                    == .valid(minified: Array("[[".utf8) + number + Array("]]".utf8))
                            }
                        }
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func lendsMoreThanItKeeps() {
        /// Whether every lease, each within the one before, still has its own text at the end.
        func lend(_ depth: Int) -> Bool {
            let text = Array("[\(depth)]".utf8)
            return PaddedText.with(text) { bytes in
                JSONDocumentPool.withDocument { document in
                    do throws(JSONSyntaxError) { try document.parse(bytes) } catch { return false }
                    let inner = depth == 0 || lend(depth - 1)
                    return inner && document.minified(document.root) == text
                }
            }
        }
        #expect(lend(2 * JSONDocumentPool.capacity))
        #expect(lend(2 * JSONDocumentPool.capacity))
    }

    @Test func passesErrorsOn() {
        struct Refusal: Error, Equatable {}
        #expect(throws: Refusal()) {
            try JSONDocumentPool.withDocument { (_) throws(Refusal) in throw Refusal() }
        }
    }
}
