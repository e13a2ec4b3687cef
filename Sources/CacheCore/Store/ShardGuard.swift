/// What the threads share that come to a shard at once: its lock, and the list on which readers note what they used.
///
/// It lies apart from the shard: a writer has exclusive access to all of that, while others ask for the lock here.
struct ShardGuard: ~Copyable {
    let lock = ReadWriteLock()
    let uses: UseRing

    init(usesCapacity: Int) { uses = UseRing(capacity: usesCapacity) }
}
