internal import CMalloc
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What stands in front of an entry's key and value in its block of memory.
struct EntryHeader: ~Copyable {
    /// The table's reference, and one for each reader that holds the value. Whoever takes the last one away frees the block.
    let references = Atomic<UInt32>(1)
    let keyCount: UInt32
    let valueCount: UInt32
    let hash: UInt64
    /// When it was put, by the cache's clock, in nanoseconds.
    let storedAt: Int64
    /// When it ceases to be served, by the cache's clock; ``Entry/never`` without a time to live.
    let expiresAt: Int64
    /// The rank of the last use (``CacheClock/reading(uses:)``): readers store it under the shard's read lock.
    let lastUse: Atomic<Int64>
    /// The next entry of the shard's list of uses to put in order (``UseList``); 0 while it is not on that list.
    let nextUsed = Atomic<UInt>(0)

    // Guarded by the shard's write lock: the entry's places in the recency order and in the timer wheel.
    var newer: Entry?
    var older: Entry?
    var timerNext: Entry?
    var timerPrevious: Entry?
    var timerBucket: Int = TimerWheel.noBucket
}

/// An entry of the store: a reference to one block of memory that holds header, key, value and, for a large value, its digest.
///
/// The block is laid out `EntryHeader | key | value | digest?`, and is never moved.
///
/// Invariants, on which every unsafe access here rests:
/// - The block is alive while ``EntryHeader/references`` is above zero. The table owns one reference from
///   ``allocate(key:hash:valueCount:storedAt:expiresAt:rank:)`` until the entry is removed; a reader takes one of its own under the shard's read
///   lock, under which no entry is removed, and gives it back with ``release()``.
/// - Key, value and digest are written before the entry is published under a write lock, and never after.
/// - The links are read and written under the shard's write lock alone.
struct Entry: Equatable {
    private let header: UnsafeMutablePointer<EntryHeader>

    /// The expiry of an entry that has none.
    static let never = Int64.max

    /// A value of more bytes than this carries its digest, so that a read need not go over all of it.
    private static let digestThreshold = 1024

    static let maximumKeyCount = Int(UInt16.max)
    static let maximumValueCount = Int(Int32.max)

    @inline(__always) init(_ header: UnsafeMutablePointer<EntryHeader>) { self.header = header }

    /// An entry whose value is still to be written, with ``write(_:)``; nil if memory is exhausted.
    static func allocate(
        key: UnsafeRawBufferPointer, hash: UInt64, valueCount: Int, storedAt: Int64, expiresAt: Int64, rank: Int64
    ) -> Entry? {
        precondition(key.count <= maximumKeyCount && valueCount <= maximumValueCount)
        let digestCount = valueCount > digestThreshold ? MemoryLayout<UInt64>.size : 0
        guard let block = malloc(MemoryLayout<EntryHeader>.size + key.count + valueCount + digestCount) else {
            return nil
        }
        let header = block.bindMemory(to: EntryHeader.self, capacity: 1)
        header.initialize(
            to: EntryHeader(
                keyCount: UInt32(key.count), valueCount: UInt32(valueCount), hash: hash, storedAt: storedAt,
                expiresAt: expiresAt, lastUse: Atomic(rank)))
        if let source = key.baseAddress { memcpy(block + MemoryLayout<EntryHeader>.size, source, key.count) }
        return Entry(header)
    }

    /// Lets `fill` write the value, all of it. To be called once, before the entry is published.
    func write(_ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        let start = UnsafeMutableRawPointer(header) + MemoryLayout<EntryHeader>.size + Int(header.pointee.keyCount)
        fill(UnsafeMutableRawBufferPointer(start: start, count: valueCount))
        if valueCount > Self.digestThreshold {
            (start + valueCount).storeBytes(of: contentDigest(value), as: UInt64.self)
        }
    }

    @inline(__always) var key: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(header) + MemoryLayout<EntryHeader>.size, count: Int(header.pointee.keyCount))
    }

    @inline(__always) var value: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(header) + MemoryLayout<EntryHeader>.size + Int(header.pointee.keyCount),
            count: valueCount)
    }

    @inline(__always) var valueCount: Int { Int(header.pointee.valueCount) }
    @inline(__always) var hash: UInt64 { header.pointee.hash }
    @inline(__always) var storedAt: Int64 { header.pointee.storedAt }
    @inline(__always) var expiresAt: Int64 { header.pointee.expiresAt }

    /// A digest of the value's bytes, the same for the same bytes wherever and whenever.
    var digest: UInt64 {
        let value = value
        guard value.count > Self.digestThreshold, let start = value.baseAddress else { return contentDigest(value) }
        return (start + value.count).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    func hasKey(_ key: UnsafeRawBufferPointer) -> Bool {
        guard Int(header.pointee.keyCount) == key.count, let bytes = key.baseAddress else { return false }
        return memcmp(UnsafeRawPointer(header) + MemoryLayout<EntryHeader>.size, bytes, key.count) == 0
    }

    /// Bytes that the block takes from the allocator: what malloc set aside, and its own header in front.
    var footprint: Int { malloc_usable_size(header) + MemoryLayout<Int>.size }

    // MARK: References

    @inline(__always) func retain() { header.pointee.references.wrappingAdd(1, ordering: .relaxed) }

    @inline(__always) func release() {
        // Releasing and acquiring: all that others did with the block comes before it is freed.
        if header.pointee.references.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            header.deinitialize(count: 1)
            free(header)
        }
    }

    /// The entry as a word, for a C library to hand back; see ``init(bits:)``.
    @inline(__always) var opaque: UnsafeMutableRawPointer { UnsafeMutableRawPointer(header) }
    @inline(__always) init(opaque: UnsafeMutableRawPointer) {
        header = opaque.assumingMemoryBound(to: EntryHeader.self)
    }
    @inline(__always) var bits: UInt { UInt(bitPattern: header) }
    @inline(__always) init?(bits: UInt) {
        guard let header = UnsafeMutablePointer<EntryHeader>(bitPattern: bits) else { return nil }
        self.header = header
    }

    // MARK: Places in the shard's structures

    @inline(__always) var lastUse: Int64 {
        get { header.pointee.lastUse.load(ordering: .relaxed) }
        nonmutating set { header.pointee.lastUse.store(newValue, ordering: .relaxed) }
    }
    @inline(__always) var nextUsed: UInt {
        get { header.pointee.nextUsed.load(ordering: .relaxed) }
        nonmutating set { header.pointee.nextUsed.store(newValue, ordering: .relaxed) }
    }
    /// Sets ``nextUsed`` if it is 0; true for the one caller that did.
    @inline(__always) func claimNextUsed(_ value: UInt) -> Bool {
        header.pointee.nextUsed.compareExchange(expected: 0, desired: value, ordering: .relaxed).exchanged
    }
    @inline(__always) var newer: Entry? {
        get { header.pointee.newer }
        nonmutating set { header.pointee.newer = newValue }
    }
    @inline(__always) var older: Entry? {
        get { header.pointee.older }
        nonmutating set { header.pointee.older = newValue }
    }
    @inline(__always) var timerNext: Entry? {
        get { header.pointee.timerNext }
        nonmutating set { header.pointee.timerNext = newValue }
    }
    @inline(__always) var timerPrevious: Entry? {
        get { header.pointee.timerPrevious }
        nonmutating set { header.pointee.timerPrevious = newValue }
    }
    @inline(__always) var timerBucket: Int {
        get { header.pointee.timerBucket }
        nonmutating set { header.pointee.timerBucket = newValue }
    }
}
