/// What the threads share that come to a shard at once: its lock, and the lists on which readers note what they used.
///
/// It lies apart from the shard: a writer has exclusive access to all of that, while others ask for the lock here.
struct ShardGuard: ~Copyable {
    let lock: StripedReadWriteLock
    let uses: UseRings

    init(stripes: Int, usesCapacity: Int) {
        lock = StripedReadWriteLock(stripes: stripes)
        uses = UseRings(stripes: stripes, capacity: usesCapacity)
    }

    static func footprint(stripes: Int, usesCapacity: Int) -> Int {
        StripedReadWriteLock.footprint(stripes: stripes) + UseRings.footprint(stripes: stripes, capacity: usesCapacity)
    }
}
