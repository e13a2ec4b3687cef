/// The keys under which origins have nothing, each for a short time: so many at most, of which those go first that were not asked for.
///
/// It is a cache of its own, with the clock of the one whose keys they are. That one's store changes it under the lock of the key's shard:
/// a key is noted while its lease is held (``ShardedStore/noteAbsence(of:lifetime:filling:)``), and forgotten by whatever changes the key
/// (``ShardedStore/noteChange(of:hash:in:isRestored:)``). So no note is older than the last write or delete of its key.
final class Absences: Sendable {
    private let cache: ProductionCache

    /// The most keys, and the most memory for them.
    private static let mostKeys = 100_000
    private static let mostBytes = 16 << 20

    init(clock: CacheClock) throws(CacheError) {
        cache = try ProductionCache(
            CacheConfiguration(
                capacity: Self.mostKeys, memoryLimit: Self.mostBytes, eviction: .sieve, clock: clock))
    }

    /// Nanoseconds until it is worth asking again for a key; nil if nothing is known of it.
    func timeLeft(_ key: UnsafeRawBufferPointer) -> Int64? {
        guard let value = cache.lookup(key) else { return nil }
        return value.timeLeft(at: cache.now)
    }

    /// Under the lock of a shard, and takes that of the ``JSONDocumentPool`` for a moment, beside the cache's own.
    func note(_ key: UnsafeRawBufferPointer, lifetime: Int64) {
        do throws(CacheError) {
            try cache.putJSON(
                String(decoding: key, as: UTF8.self), "0".utf8, ttl: .nanoseconds(max(1, lifetime)))
        } catch {
            // Not to be noted costs another question to the origin, no more: what was noted before has been forgotten.
        }
    }

    /// - Complexity: O(1) expected; of a key that is not noted, which most are, it takes a read lock alone.
    func forget(_ key: UnsafeRawBufferPointer) {
        if case .absent = cache.peekForLoading(key) { return }
        cache.delete(key)
    }

    func forgetAll(prefix: UnsafeRawBufferPointer) { cache.deleteAll(prefix: prefix) }
}
