extension ProductionCache {
    /// Puts a JSON text, which is checked in full and kept without its insignificant white space; numbers and escapes stay as they are.
    ///
    /// - Parameters:
    ///   - key: The key: 1 to 65,535 bytes of UTF-8.
    ///   - json: The text, in UTF-8: any JSON value.
    ///   - ttl: How long the entry lives; nil for ``CacheConfiguration/defaultTTL``.
    ///   - tags: Names by which it can be removed together with others, see ``deleteAll(tag:)``; at most 64, of at most 256 bytes.
    /// - Returns: Whether the key was new or its value replaced.
    /// - Throws: ``CacheError``: `invalidJSON` with the place of the fault, `invalidKey`, `keyTooLong`, `invalidTTL`,
    ///   `invalidTag`, `valueTooLarge`, `insufficientStorage`.
    /// - Complexity: O(*n*) for a text of *n* bytes.
    @discardableResult
    @inlinable
    public func putJSON(
        _ key: String, _ json: some Sequence<UInt8>, ttl: Duration? = nil, tags: [String] = []
    ) throws(CacheError) -> Bool {
        try putJSON(key, bytes: Array(json), ttl: ttl, tags: tags)
    }

    /// What ``putJSON(_:_:ttl:)`` does, in a form that is compiled here whole.
    @usableFromInline
    func putJSON(
        _ key: String, bytes json: [UInt8], ttl: Duration?, tags: [String]
    ) throws(CacheError) -> Bool {
        let lifetime = try lifetime(ttl)
        let tags = try TagList.make(tags)
        return try withParsed(json) { (document: borrowing JSONDocument) throws(CacheError) in
            try withUTF8(of: key) { (key) throws(CacheError) in
                try put(key, document, document.root, lifetime: lifetime, tags: tags).outcome == .created
            }
        }
    }

    /// The JSON text of the value with this key; nil on a miss.
    ///
    /// - Complexity: O(*n*) for a value of *n* bytes, which are copied.
    public func getJSON(_ key: String) -> [UInt8]? {
        withUTF8(of: key) { key in
            store.lookup(key) { entry in
                let count = entry.valueCount
                return [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
                    entry.copyValue(to: UnsafeMutableRawPointer(bytes.baseAddress.unsafelyUnwrapped))
                    initialized = count
                }
            }
        }
    }

    /// Calls `body` with the JSON text of the value with this key; nil on a miss.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - body: What to do with the bytes, which are valid until it returns. No lock is held meanwhile.
    /// - Complexity: O(*n*) for a value of *n* bytes up to 64 KiB, which are copied, O(1) for a larger one; and what `body` takes.
    @inlinable
    public func withJSON<Result, Failure: Error>(
        _ key: String, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        var outcome: Swift.Result<Result, Failure>?
        visitJSON(key) { json in
            do throws(Failure) {
                outcome = .success(try body(json))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome?.get()
    }

    /// What ``withJSON(_:_:)`` does, in a form that is compiled here whole.
    @usableFromInline
    func visitJSON(_ key: String, _ body: (RawSpan) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: Self.mostStackBytes, alignment: 8) { stack in
            let found = withUTF8(of: key) { key in
                store.lookup(key) { (entry) -> FoundJSON in
                    guard let count = entry.copyValue(toAtMost: stack) else { return .value(CachedValue(of: entry)) }
                    return .onStack(count)
                }
            }
            switch consume found {
            case nil: break
            case .onStack(let count): body(UnsafeRawBufferPointer(rebasing: stack[..<count]).bytes)
            case .value(let value): value.withUnsafeBytes { body($0.bytes) }
            }
        }
    }

    /// Values up to this size are copied to the stack for who only looks at them.
    private static var mostStackBytes: Int { 1024 }

    private enum FoundJSON: ~Copyable {
        case onStack(Int)
        case value(CachedValue)
    }

    // MARK: For the service

    /// Finds the value of a key; counts a hit or a miss.
    @inline(__always)
    package func lookup(_ key: UnsafeRawBufferPointer) -> CachedValue? {
        store.lookup(key) { CachedValue(of: $0) }
    }

    /// Puts the value that a node of a parsed document is.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - document: The document.
    ///   - node: The value's node in it.
    ///   - lifetime: Nanoseconds to live; nil for no end.
    ///   - tags: Its tags; nil for none.
    ///   - note: How long it is kept past its expiry, and what is known of its load; nil for nothing.
    ///   - validator: What its origin calls it; kept if there is a note, and it is not too long.
    ///   - condition: What must hold of the entry that has the key, checked under the write lock; nil for nothing.
    ///   - lease: The lease that the writer must have of the key; nil for none.
    ///   - incoming: What the document's text was received into, if that may become the entry's.
    /// - Returns: What the write found, and the digest of the value's bytes.
    package func put(
        _ key: UnsafeRawBufferPointer, _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?,
        tags: TagList? = nil, note: LoadNote? = nil, validator: [UInt8]? = nil, if condition: WriteCondition? = nil,
        filling lease: Lease? = nil, from incoming: IncomingValue? = nil
    ) throws(CacheError) -> (outcome: PutOutcome, digest: UInt64) {
        let time = configuration.clock.reading()
        let entry = try store.prepare(
            key: key, valueCount: document.minifiedCount(of: node), lifetime: lifetime, at: time, tags: tags,
            note: note, validator: validator,
            in: {
                let text = document.source(of: node)
                // As it will be kept: no white space in it.
                return text.count == document.minifiedCount(of: node) ? incoming?.take(key: key, text: text) : nil
            },
            fill: { document.minify(node, into: $0) })
        let digest = entry.block.digest
        return (try store.put(entry, now: time.now, if: condition, filling: lease), digest)
    }

    /// Calls `body` with the parsed document of a JSON text.
    ///
    /// - Throws: ``CacheError`` with `invalidJSON`, or what `body` throws.
    func withParsed<Result>(
        _ json: [UInt8], _ body: (borrowing JSONDocument) throws(CacheError) -> Result
    ) throws(CacheError) -> Result {
        try withBytes(of: json) { (json) throws(CacheError) in try withParsed(json, body) }
    }

    func withParsed<Result>(
        _ json: UnsafeRawBufferPointer, _ body: (borrowing JSONDocument) throws(CacheError) -> Result
    ) throws(CacheError) -> Result {
        try withPaddedCopy(of: json) { (padded) throws(CacheError) in
            try JSONDocumentPool.withDocument { (document) throws(CacheError) in
                do throws(JSONSyntaxError) {
                    try document.parse(padded)
                } catch {
                    throw CacheError(.invalidJSON, error.description)
                }
                return try body(document)
            }
        }
    }
}
