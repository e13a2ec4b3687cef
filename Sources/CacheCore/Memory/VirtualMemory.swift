internal import Synchronization
internal import Threading

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Memory by whole pages, straight from the system, and straight back to it.
enum VirtualMemory {
    /// Bytes of a page of the system's.
    static let pageSize = Int(sysconf(CInt(_SC_PAGESIZE)))

    /// Bytes that ``map(_:isTouched:)`` gave and that were not given back, in the whole process.
    static var mappedBytes: Int { mapped.load(ordering: .relaxed) }
    private static let mapped = Atomic<Int>(0)

    /// What the system did not let go of: it serves again.
    private static let stranded = Locked<[UnsafeMutableRawBufferPointer]>([])
    private static let strandedCount = Atomic<Int>(0)
    /// Bytes of address space that should have been given back and could not.
    static var strandedBytes: Int { stranded.withLock { $0.reduce(0) { $0 + $1.count } } }

    /// `count` rounded up to whole pages of the system's.
    static func rounded(_ count: Int) -> Int { (count + pageSize - 1) / pageSize * pageSize }

    /// Takes `count` bytes, all zero, that begin at a page; nil if the system has none left.
    ///
    /// - Parameter isTouched: Whether all of it will be touched at once: it takes room as a whole then, in one go; else page by page,
    ///   as it is touched.
    static func map(_ count: Int, isTouched: Bool = false) -> UnsafeMutableRawPointer? {
        var flags = MAP_PRIVATE | MAP_ANONYMOUS
        #if canImport(Glibc)
            if isTouched { flags |= MAP_POPULATE }
        #endif
        guard let start = mapStranded(count, isTouched: isTouched) ?? newMapping(count, flags) else { return nil }
        mapped.wrappingAdd(count, ordering: .relaxed)
        return start
    }

    /// Gives back what ``map(_:isTouched:)`` gave.
    ///
    /// The system can refuse, if it would be left with two mappings in the place of one and has as many as it may: then the room goes
    /// back, and the addresses are kept for the next that fits.
    static func unmap(_ start: UnsafeMutableRawPointer, _ count: Int) {
        if munmap(start, count) != 0 {
            precondition(errno == ENOMEM, "munmap of \(count) bytes failed with errno \(errno)")
            discard(start, count)
            stranded.withLock { $0.append(UnsafeMutableRawBufferPointer(start: start, count: count)) }
            strandedCount.wrappingAdd(1, ordering: .relaxed)
        }
        mapped.wrappingSubtract(count, ordering: .relaxed)
    }

    /// Takes `count` bytes of address space that begin at a page, for good; nil if the system has none left. It takes room page by
    /// page, as it is touched; what was not touched, or was given back by ``discard(_:_:)``, reads as zero.
    static func reserve(_ count: Int) -> UnsafeMutableRawPointer? {
        guard let start = newMapping(count, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE) else { return nil }
        keepSmallPages(start, count)
        return start
    }

    /// Takes the room of whole pages in one go, which are about to be written.
    static func touch(_ start: UnsafeMutableRawPointer, _ count: Int) {
        #if canImport(Glibc)
            // MADV_POPULATE_WRITE of Linux 5.14, which not every C library names. An older kernel refuses, and gives the room page by
            // page, which takes half as long again.
            _ = madvise(start, count, 23)
        #endif
    }

    /// Gives back the room of whole pages that stay mapped. What they held is lost.
    static func discard(_ start: UnsafeMutableRawPointer, _ count: Int) {
        #if canImport(Glibc)
            let status = madvise(start, count, MADV_DONTNEED)
        #else
            let status = madvise(start, count, MADV_FREE)
        #endif
        precondition(status == 0, "madvise of \(count) bytes failed with errno \(errno)")
    }

    /// Keeps the system from making one large page of many small ones, for which it would take room that nobody asked for.
    static func keepSmallPages(_ start: UnsafeMutableRawPointer, _ count: Int) {
        #if canImport(Glibc)
            // A kernel that knows no large pages refuses, which is as well.
            _ = madvise(start, count, MADV_NOHUGEPAGE)
        #endif
    }

    private static func newMapping(_ count: Int, _ flags: CInt) -> UnsafeMutableRawPointer? {
        let start = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
        return start == MAP_FAILED ? nil : start
    }

    private static func mapStranded(_ count: Int, isTouched: Bool) -> UnsafeMutableRawPointer? {
        guard strandedCount.load(ordering: .relaxed) > 0 else { return nil }
        let start: UnsafeMutableRawPointer? = stranded.withLock { ranges in
            guard let index = ranges.firstIndex(where: { $0.count >= count }), let start = ranges[index].baseAddress
            else { return nil }
            ranges[index] = UnsafeMutableRawBufferPointer(start: start + count, count: ranges[index].count - count)
            if ranges[index].isEmpty {
                ranges.remove(at: index)
                strandedCount.wrappingSubtract(1, ordering: .relaxed)
            }
            return start
        }
        if let start, isTouched { touch(start, count) }
        return start
    }
}
