/// What is known of an entry that can be loaded anew: how long it may be served past its expiry, and how long the load took.
///
/// `expiresAt` of an entry is the end of its freshness all the same: who does not ask for stale values never sees one.
package struct LoadNote: Sendable, Equatable {
    /// How long past its expiry the entry is kept, in nanoseconds; eviction may take it before.
    package var retention: Int64
    /// How long past its expiry it may be served while it is loaded anew, in nanoseconds (RFC 5861, section 3).
    package var staleWhileRevalidate: Int64
    /// How long past its expiry it may be served because it could not be loaded, in nanoseconds (RFC 5861, section 4).
    package var staleIfError: Int64
    /// How long it took to load, in nanoseconds; 0 if that is not known. Of it follows when to load it ahead of its expiry.
    package var loadDuration: Int64

    /// - Parameter retention: nil for as long as it may be served.
    package init(
        staleWhileRevalidate: Int64 = 0, staleIfError: Int64 = 0, retention: Int64? = nil, loadDuration: Int64 = 0
    ) {
        self.staleWhileRevalidate = staleWhileRevalidate
        self.staleIfError = staleIfError
        self.retention = retention ?? max(staleWhileRevalidate, staleIfError)
        self.loadDuration = loadDuration
    }

    /// When an entry that expires then is to go.
    func retainedUntil(_ expiresAt: Int64) -> Int64 {
        let (end, overflow) = expiresAt.addingReportingOverflow(max(0, retention))
        return overflow ? .max : end
    }
}

/// The notes of a shard's entries, by the hashes of their keys, which do not change when an entry moves.
///
/// Under the shard's lock, as all of the shard. Entries without a note are not known here, and cost nothing.
struct LoadNotes {
    struct Noted {
        var note: LoadNote
        /// Whether its expiry was seen, and counted. Then it is on a list of those of which that is so, in the order in which it was seen.
        var isStale = false
        /// Its neighbours on that list; anything at its ends.
        fileprivate var previous: UInt64 = 0
        fileprivate var next: UInt64 = 0

        init(note: LoadNote) { self.note = note }
    }

    private var noted = MeasuredDictionary<Noted>()
    /// What origins call the versions of values that are here, to ask whether there is another. Apart, so that who reads a note
    /// counts no reference.
    private var validators = MeasuredDictionary<[UInt8]>()
    private var validatorBytes = 0
    /// How many entries are kept past their expiry, which was counted.
    private(set) var staleCount = 0
    /// The one of them of which it was seen first, and the one of which it was seen last.
    private(set) var firstStale: UInt64?
    private var lastStale: UInt64?

    var count: Int { noted.count }

    subscript(hash: UInt64) -> Noted? { noted.isEmpty ? nil : noted[hash] }

    func validator(_ hash: UInt64) -> [UInt8]? { validators.isEmpty ? nil : validators[hash] }

    /// The note of an entry that may be served past its expiry still.
    func retained(_ hash: UInt64, expiresAt: Int64, now: Int64) -> Noted? {
        guard let found = self[hash], found.note.retainedUntil(expiresAt) > now else { return nil }
        return found
    }

    // MARK: Memory

    /// Bytes that all of it takes.
    var footprint: Int { noted.footprint + validators.footprint + validatorBytes }

    /// The longest validator that is kept: without a longer one, the value is loaded anew.
    package static let mostValidatorBytes = 512

    /// How many bytes ``put(_:validator:for:)`` takes, at most: none in the place of as much.
    func growth(validator: [UInt8]?, for hash: UInt64) -> Int {
        let growth = noted.growth(for: hash)
        guard let validator else { return growth }
        let old = self.validator(hash).map { [UInt8].footprint(count: $0.count) } ?? 0
        return growth + validators.growth(for: hash) + max(0, [UInt8].footprint(count: validator.count) - old)
    }

    /// How many bytes the first note takes.
    static func footprint(validator: [UInt8]?) -> Int { LoadNotes().growth(validator: validator, for: 0) }

    // MARK: Changing

    /// Notes of an entry that it is fresh, and what else is known; in the place of what was known before.
    mutating func put(_ note: LoadNote, validator: [UInt8]?, for hash: UInt64) {
        if let old = self[hash] { unlink(old, hash) }
        noted.put(Noted(note: note), for: hash)
        removeValidator(hash)
        if let validator {
            validators.put(validator, for: hash)
            validatorBytes += [UInt8].footprint(count: validator.count)
        }
    }

    /// Notes that an entry's expiry was counted.
    mutating func markStale(_ hash: UInt64) {
        noted.update(hash) { noted in
            noted.isStale = true
            noted.previous = lastStale ?? 0
        }
        if let lastStale { noted.update(lastStale) { $0.next = hash } } else { firstStale = hash }
        lastStale = hash
        staleCount += 1
    }

    /// Takes what was known of an entry off the list, if it was on it.
    private mutating func unlink(_ old: Noted, _ hash: UInt64) {
        guard old.isStale else { return }
        let (isFirst, isLast) = (hash == firstStale, hash == lastStale)
        if isFirst { firstStale = isLast ? nil : old.next } else { noted.update(old.previous) { $0.next = old.next } }
        if isLast {
            lastStale = isFirst ? nil : old.previous
        } else {
            noted.update(old.next) { $0.previous = old.previous }
        }
        staleCount -= 1
    }

    mutating func remove(_ hash: UInt64) {
        guard !noted.isEmpty, let old = noted.remove(hash) else { return }
        unlink(old, hash)
        removeValidator(hash)
    }

    private mutating func removeValidator(_ hash: UInt64) {
        guard !validators.isEmpty, let old = validators.remove(hash) else { return }
        validatorBytes -= [UInt8].footprint(count: old.count)
    }
}
