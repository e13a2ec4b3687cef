internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Memory by whole pages, straight from the system, and straight back to it.
enum VirtualMemory {
    /// Bytes of a page of the system's.
    static let pageSize = Int(sysconf(CInt(_SC_PAGESIZE)))

    /// Bytes that are mapped at present, in the whole process.
    static var mappedBytes: Int { mapped.load(ordering: .relaxed) }
    private static let mapped = Atomic<Int>(0)

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
        let start = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let start, start != MAP_FAILED else { return nil }
        mapped.wrappingAdd(count, ordering: .relaxed)
        return start
    }

    /// Gives back what ``map(_:)`` gave.
    static func unmap(_ start: UnsafeMutableRawPointer, _ count: Int) {
        let status = munmap(start, count)
        precondition(status == 0, "munmap of \(count) bytes failed with errno \(errno)")
        mapped.wrappingSubtract(count, ordering: .relaxed)
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
}
