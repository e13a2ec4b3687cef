internal import CSimdJSON
internal import Threading

/// A few reusable documents, shared by threads.
///
/// Idle documents wait in a free list, the last used first. A thread that finds none makes its own, and what comes back
/// to a full list is freed, so that the pool never blocks and never holds more than ``capacity`` documents of
/// ``keptBytes`` each.
package enum JSONDocumentPool {
    /// How many idle documents are kept: as many as threads are likely to parse at once.
    static let capacity = 16

    /// How much of its index an idle document keeps, in bytes.
    static let keptBytes = 1 << 20

    // A parser in the list is referenced from nowhere else, so that whoever takes it out may use it on any thread.
    private struct IdleParser: @unchecked Sendable {
        let parser: UnsafeMutablePointer<csj_parser>
    }

    private static let idle = Locked<[IdleParser]>(
        {
            var parsers: [IdleParser] = []
            parsers.reserveCapacity(capacity)
            return parsers
        }())

    /// Lends a document for the duration of the call.
    ///
    /// - Complexity: O(1), without an allocation once as many documents exist as threads ask for at once.
    package static func withDocument<R: ~Copyable, E: Error>(
        _ body: (inout JSONDocument) throws(E) -> R
    ) throws(E) -> R {
        var document = take()
        do throws(E) {
            let result = try body(&document)
            putBack(document)
            return result
        } catch {
            putBack(document)
            throw error
        }
    }

    private static func take() -> JSONDocument {
        let parser = idle.withLock { $0.popLast() }
        guard let parser else { return JSONDocument() }
        return JSONDocument(parser: parser.parser)
    }

    private static func putBack(_ document: consuming JSONDocument) {
        document.trim(toBytes: keptBytes)
        let parser = IdleParser(parser: document.release())
        let isKept = idle.withLock { parsers in
            guard parsers.count < capacity else { return false }
            parsers.append(parser)
            return true
        }
        if !isKept { csj_parser_destroy(parser.parser) }
    }
}
