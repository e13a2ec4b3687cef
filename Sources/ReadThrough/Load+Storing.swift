internal import CacheCore
internal import FieldSyntax

/// What an origin's answer is as a value, and whether and how long it is kept.
extension Load {
    /// Reads the value that an answer is, and stores it if it may be stored and the claim holds.
    ///
    /// - Throws: ``LoadFailure`` if it is no value.
    func store(_ answer: OriginAnswer, _ claim: Claim) throws(LoadFailure) -> (value: LoadedValue, isStored: Bool) {
        let freshness = OriginFreshness.of(answer, origin.route, wallClock: cache.wallClock)
        let padded = answer.body + [UInt8](repeating: 0, count: JSONDocument.padding)
        return try padded.span.bytes.withUnsafeBytes { (bytes) throws(LoadFailure) in
            try JSONDocumentPool.withDocument { (document) throws(LoadFailure) in
                do throws(JSONSyntaxError) {
                    try document.parse(UnsafeRawBufferPointer(rebasing: bytes[..<answer.body.count]))
                } catch {
                    throw LoadFailure(.failed, "the origin's answer is not JSON: \(error)")
                }
                return try store(document, freshness, answer, claim)
            }
        }
    }

    private func store(
        _ document: borrowing JSONDocument, _ freshness: OriginFreshness?, _ answer: OriginAnswer, _ claim: Claim
    ) throws(LoadFailure) -> (value: LoadedValue, isStored: Bool) {
        let root = document.root
        let count = document.minifiedCount(of: root)
        guard count <= loader.maxValueBytes else { throw tooLarge }
        let now = cache.now
        // What may not be stored is old at once, for others who might.
        let lifetime = freshness.map { $0.lifetime ?? cache.defaultTimeToLive } ?? 0
        let value = LoadedValue(count: count, expiresAt: lifetime.map { now + $0 }, age: 0, now: now) {
            document.minify(root, into: $0)
        }
        guard let freshness, let lease = claim.lease else { return (value, false) }
        let validator = answer.field("etag").map { Array($0.utf8) }
        do throws(CacheError) {
            let tags = try TagList.make(Self.groups(of: answer, in: "cache-groups"))
            let outcome = try key.span.bytes.withUnsafeBytes { (key) throws(CacheError) in
                try cache.put(
                    key, document, root, lifetime: lifetime, tags: tags,
                    note: note(freshness, hasValidator: validator != nil), validator: validator, filling: lease
                ).outcome
            }
            return (value, outcome == .created || outcome == .replaced)
        } catch {
            // Larger than the cache, or of groups that it can't be removed by: who waits has it all the same.
            return (value, false)
        }
    }

    var tooLarge: LoadFailure {
        LoadFailure(
            .failed, "the origin's answer has more than \(loader.maxValueBytes) bytes, which is the most for a value")
    }

    /// What is to be known of a value that was loaded just now.
    func note(_ freshness: OriginFreshness, hasValidator: Bool) -> LoadNote {
        // What can be asked for by its validator is kept as long again as it was fresh, within reason.
        let forValidator = hasValidator ? min(freshness.lifetime ?? 0, Self.longestForValidator) : 0
        return LoadNote(
            staleWhileRevalidate: freshness.staleWhileRevalidate, staleIfError: freshness.staleIfError,
            retention: max(freshness.longestWindow, forValidator), loadDuration: max(1, cache.now - start))
    }

    private static let longestForValidator: Int64 = 3_600_000_000_000

    /// Removes what the answer says is not right any more: all of the origin's values that are in one of the groups that
    /// `Cache-Group-Invalidation` names (RFC 9875, section 3). It comes before what the answer itself brings.
    ///
    /// The field is for answers to requests that change something, and ignored by caches that stand between others. Here it is the word
    /// of an origin that the one who runs the server has chosen, on the only requests that it is sent.
    func invalidateGroups(_ answer: OriginAnswer, _ claim: Claim) {
        for group in Self.groups(of: answer, in: "cache-group-invalidation").prefix(TagList.mostTags) {
            cache.deleteAll(tag: group, prefix: origin.route.prefix, sparing: claim.lease)
        }
    }

    /// The groups that a field of the answer names (RFC 9875); none if it is malformed (RFC 9651, section 4.2).
    private static func groups(of answer: OriginAnswer, in field: String) -> [[UInt8]] {
        var names: [[UInt8]] = []
        for value in answer.values(of: field) {
            var value = value
            guard value.withUTF8({ StringList.append(UnsafeRawBufferPointer($0), to: &names) }) else { return [] }
        }
        return names
    }
}
