#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Reads a file from front to back.
package final class FileReader {
    private let path: String
    // Open from init to deinit, and nobody else's.
    private let descriptor: CInt

    /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource``.
    package init(path: String) throws(CacheError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
    }

    /// How many bytes it has; nil if it is no regular file.
    package var size: Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// The next bytes, at most `count` of them; none at the end.
    ///
    /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource``.
    package func read(upTo count: Int) throws(CacheError) -> [UInt8] {
        var isRead = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            var result: Int
            repeat {
                result = Self.read(descriptor, buffer.baseAddress, count)
            } while result < 0 && errno == EINTR
            isRead = result >= 0
            initializedCount = max(0, result)
        }
        guard isRead else { throw Self.failure("read", path) }
        return bytes
    }

    private static func read(_ descriptor: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer, count)
        #else
            Darwin.read(descriptor, buffer, count)
        #endif
    }

    private static func failure(_ action: String, _ path: String) -> CacheError {
        CacheError(.unreadableSource, "cannot \(action) \(path): \(String(cString: strerror(errno)))")
    }
}
