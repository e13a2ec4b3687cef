/// What must hold of the live entry that has a key for a write of the key to take effect: the conditions of RFC 9110, section 13.1.
///
/// It is checked under the write lock, so that nothing comes between the check and the write.
package struct WriteCondition: Sendable, Equatable {
    /// Some of all entries.
    package enum Entries: Sendable, Equatable {
        case any
        /// Those whose values have one of these digests.
        case digests([UInt64])
    }

    /// There must be an entry, one of these (`If-Match`).
    package var match: Entries?
    /// There must be no entry, or none of these (`If-None-Match`).
    package var noneMatch: Entries?

    package init(match: Entries? = nil, noneMatch: Entries? = nil) {
        self.match = match
        self.noneMatch = noneMatch
    }

    /// The entry must have a value of this digest.
    static func isStill(_ digest: UInt64) -> WriteCondition { WriteCondition(match: .digests([digest])) }

    /// - Parameter entry: The live entry that has the key, under the lock; nil if there is none.
    func isMet(by entry: Entry?) -> Bool { isMet(by: entry?.digest) }

    /// - Parameter digest: That of the value that has the key; nil if there is none.
    package func isMet(by digest: UInt64?) -> Bool { failure(of: digest) == nil }

    /// Which of the two is not so; the first of them, if neither.
    package enum Failure { case match, noneMatch }

    package func failure(of digest: UInt64?) -> Failure? {
        if let match, !Self.contains(match, digest) { return .match }
        if let noneMatch, Self.contains(noneMatch, digest) { return .noneMatch }
        return nil
    }

    private static func contains(_ entries: Entries, _ digest: UInt64?) -> Bool {
        guard let digest else { return false }
        return switch entries {
        case .any: true
        case .digests(let digests): digests.contains(digest)
        }
    }
}
