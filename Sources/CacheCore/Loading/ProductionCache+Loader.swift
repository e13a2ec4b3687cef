internal import Synchronization

/// What a loader that stands before the cache asks of it besides.
extension ProductionCache {
    /// What ``lookupForLoading(_:)`` finds, without a use or a count.
    package func peekForLoading(_ key: UnsafeRawBufferPointer) -> LoadingLookup { store.peekForLoading(key) }

    /// Whether a lease of a key is held still.
    package func holds(_ lease: Lease, of key: UnsafeRawBufferPointer) -> Bool { store.holds(lease, of: key) }

    /// The digest of a value's bytes, the same for the same bytes on every machine.
    package static func digest(of json: UnsafeRawBufferPointer) -> UInt64 { contentDigest(json) }

    /// Has it be known from now on what origins have nothing of, see ``noteAbsence(of:lifetime:filling:)``.
    package func beginNotingAbsences() throws(CacheError) {
        guard store.absences.load() == nil else { return }
        _ = store.absences.storeIfNil(try Absences(clock: configuration.clock))
    }

    /// Notes that the origin has nothing under a key, until the time is over or the key is changed: by a write or a delete, of the key or of a
    /// prefix that it has. A value that is there expires at once.
    ///
    /// - Parameter lifetime: For how long, in nanoseconds; nil for not to be noted.
    /// - Returns: False if the lease was lost: nothing was noted.
    package func noteAbsence(of key: UnsafeRawBufferPointer, lifetime: Int64?, filling lease: Lease) -> Bool {
        store.noteAbsence(of: key, lifetime: lifetime, filling: lease)
    }

    /// For how many nanoseconds yet it is known that the origin has nothing under a key; nil if that is not known. To be asked where there is
    /// no value: one may have been put since.
    package func absenceTimeLeft(of key: UnsafeRawBufferPointer) -> Int64? {
        store.hasAbsences.load(ordering: .relaxed) ? store.absences.load()?.timeLeft(key) : nil
    }
}
