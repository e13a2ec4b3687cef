internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A key and a value in a block of memory of their own, which is freed when the last that refers to it lets go.
///
/// It carries a value to where it is needed: from a writer into the store, and from the store to a reader. A large value stays
/// in it, so that it is never copied; see ``Entry``.
///
/// Invariants, on which every unsafe access here rests:
/// - The block is `Header | key | value`, never moved, and alive while `references` is above zero.
/// - Key, value, its length and the digest are written by who made the block, before another sees it, and never after.
struct ValueBlock: Sendable {
    private struct Header: ~Copyable {
        let references = Atomic<UInt32>(1)
        let keyCount: UInt32
        var valueCount: Int
        /// Of a value of more than ``digestThreshold`` bytes.
        var digest: UInt64 = 0
        /// Bytes that it has of a ``BlockPool``; 0 if it is from malloc.
        let mapped: Int
    }

    // Sendable: the header's counter is atomic, all else constant once the block is shared.
    private nonisolated(unsafe) let header: UnsafeMutablePointer<Header>

    /// A value of more bytes than this carries its digest, so that a read need not go over all of it.
    static let digestThreshold = 1024

    /// A block with room for a value that is still to be written; nil if memory is exhausted.
    ///
    /// - Parameters:
    ///   - isMapped: Whether the block is to be taken from the system by whole pages, and given back likewise.
    ///   - isTouched: Whether its value is written at once.
    static func allocate(
        key: UnsafeRawBufferPointer, valueCount: Int, isMapped: Bool = false, isTouched: Bool = true
    ) -> ValueBlock? {
        let count = MemoryLayout<Header>.size + key.count + valueCount
        let mapped = isMapped ? VirtualMemory.rounded(count) : 0
        guard let memory = isMapped ? BlockPool.shared.take(mapped, isTouched: isTouched) : malloc(count) else {
            return nil
        }
        let header = memory.bindMemory(to: Header.self, capacity: 1)
        header.initialize(to: Header(keyCount: UInt32(key.count), valueCount: valueCount, mapped: mapped))
        if let source = key.baseAddress { memcpy(memory + MemoryLayout<Header>.size, source, key.count) }
        return ValueBlock(header: header)
    }

    /// Bytes that a mapped block takes.
    static func mappedCount(keyCount: Int, valueCount: Int) -> Int {
        VirtualMemory.rounded(MemoryLayout<Header>.size + keyCount + valueCount)
    }

    /// Bytes that a mapped block has behind its value.
    static func slack(keyCount: Int, valueCount: Int) -> Int {
        mappedCount(keyCount: keyCount, valueCount: valueCount) - MemoryLayout<Header>.size - keyCount - valueCount
    }

    /// Gives up the value's last bytes, by who made the block, before another sees it.
    ///
    /// - Returns: Whether it could be: a mapped block has as many pages as its value needs.
    func truncate(valueCount: Int) -> Bool {
        guard valueCount <= self.valueCount,
            Self.mappedCount(keyCount: keyCount, valueCount: valueCount) == mappedCount
        else { return false }
        header.pointee.valueCount = valueCount
        return true
    }

    @inline(__always) var keyCount: Int { Int(header.pointee.keyCount) }
    @inline(__always) var valueCount: Int { header.pointee.valueCount }
    /// Bytes that it has of a ``BlockPool``; 0 if it is from malloc.
    var mappedCount: Int { header.pointee.mapped }

    @inline(__always) var key: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(header + 1), count: keyCount)
    }

    @inline(__always) var value: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(header + 1) + keyCount, count: valueCount)
    }

    /// The value's bytes, to be written by who made the block, before another sees it.
    @inline(__always) var unwrittenValue: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(mutating: value)
    }

    /// Notes the digest of a value that has been written. To be called before another sees the block.
    func seal() {
        if valueCount > Self.digestThreshold { header.pointee.digest = contentDigest(value) }
    }

    /// As ``seal()``, where the digest is known.
    @inline(__always) func seal(digest: UInt64) { header.pointee.digest = digest }

    /// A digest of the value's bytes, the same for the same bytes wherever and whenever.
    var digest: UInt64 { valueCount > Self.digestThreshold ? header.pointee.digest : contentDigest(value) }

    // MARK: References

    @inline(__always) func retain() { header.pointee.references.wrappingAdd(1, ordering: .relaxed) }

    @inline(__always) func release() {
        // Releasing and acquiring: all that others did with the block comes before it is freed.
        guard header.pointee.references.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else {
            return
        }
        let mapped = header.pointee.mapped
        header.deinitialize(count: 1)
        if mapped > 0 { BlockPool.shared.give(header, mapped) } else { free(header) }
    }

    private init(header: UnsafeMutablePointer<Header>) { self.header = header }

    /// The block as a word, for a C library or the store to hand back.
    @inline(__always) var opaque: UnsafeMutableRawPointer { UnsafeMutableRawPointer(header) }
    @inline(__always) init(opaque: UnsafeMutableRawPointer) {
        header = opaque.assumingMemoryBound(to: Header.self)
    }
}
