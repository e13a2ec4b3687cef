/// What who loads missing values asks of the cache.
extension ProductionCache {
    /// Looks at a key for a client that fills what is missing. Counts a hit or a miss.
    ///
    /// On a miss one caller is granted the lease of the key until it fills the key (``put(_:_:_:lifetime:tags:note:validator:if:filling:from:)``),
    /// the time is over, or the key is changed in any way: by a write or a delete, of the key, of a prefix that it has, or of any tag,
    /// because nobody knows the tags of what is only being loaded. So a delete during the load is never undone by an old value.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - duration: How long the lease is for at most, in nanoseconds; above ``Lease/mostDuration`` it is that.
    /// - Throws: ``CacheError``: `invalidKey`, `keyTooLong`, `insufficientStorage` if there is no room for a lease.
    /// - Complexity: O(1) expected. A hit costs what it costs in ``lookup(_:)``.
    package func takeLease(_ key: UnsafeRawBufferPointer, for duration: Int64) throws(CacheError) -> LeaseOutcome {
        try store.takeLease(key, for: max(1, min(duration, Lease.mostDuration.nanoseconds)))
    }

    /// Begins a load of the program's own: whoever had the lease of the key loses it. The key may be there, to be loaded ahead of its expiry.
    ///
    /// The lease has no end: put with it, ``renew(_:lifetime:note:validator:filling:)`` or ``endLoad(_:of:)``, whatever becomes of the load.
    ///
    /// - Returns: The lease, and what the origin calls the value that is there or kept past its expiry; nil if there is none, or it is not known.
    /// - Throws: ``CacheError``: `invalidKey`, `keyTooLong`, `insufficientStorage` if there is no room for a lease.
    package func beginLoad(
        _ key: UnsafeRawBufferPointer
    ) throws(CacheError) -> (lease: Lease, validator: [UInt8]?) { try store.beginLoad(key) }

    /// Ends a load that brought nothing to put.
    package func endLoad(_ lease: Lease, of key: UnsafeRawBufferPointer) { store.endLease(lease, of: key) }

    /// Lets the value that is there be fresh again, or as good as new, because its origin said that it has not changed.
    ///
    /// - Returns: False if the lease was lost or the value has gone: it has to be loaded then.
    package func renew(
        _ key: UnsafeRawBufferPointer, lifetime: Int64?, note: LoadNote, validator: [UInt8]?, filling lease: Lease
    ) -> Bool { store.renew(key, lifetime: lifetime, note: note, validator: validator, filling: lease) }

    /// Finds the value of a key, also one that is kept past its expiry, with what is known of its load. Counts a hit, or a miss also
    /// where it is stale.
    package func lookupForLoading(_ key: UnsafeRawBufferPointer) -> LoadingLookup { store.lookupForLoading(key) }

    /// Counts a load that ended.
    package func countLoad(duration: Int64, isFailure: Bool) {
        store.count(.loads)
        if isFailure { store.count(.loadFailures) }
        store.count(.loadNanoseconds, Int(duration))
    }

    /// Counts a read that waits for a load that is under way.
    package func countCollapsedLoad() { store.count(.collapsedLoads) }
}
