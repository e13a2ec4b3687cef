#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Writes a file that takes the place of another as a whole, or not at all: beside it first, and over it when all has reached
/// the disk.
final class FileWriter {
    private let path: String
    private var partialPath: String { path + SnapshotFormat.partialSuffix }
    // Open from init to `commit` or deinit, and nobody else's.
    private var descriptor: CInt

    /// Bytes written.
    private(set) var count = 0

    /// - Throws: ``CacheError`` with ``CacheError/Code/snapshotFailed``.
    init(path: String) throws(CacheError) {
        self.path = path
        descriptor = -1
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG, status.st_mode & S_IFMT != S_IFLNK {
            throw CacheError(.snapshotFailed, "cannot write \(path): it is there, and no regular file")
        }
        descriptor = try openAlone()
    }

    /// Opens the file beside, which nobody else writes: of two programs that do, the second is refused.
    private func openAlone() throws(CacheError) -> CInt {
        while true {
            // It has what the cache has: for its owner alone. Not emptied yet, as it may be another's.
            let opened = open(partialPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard opened >= 0 else { throw failure("create") }
            guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
                defer { close(opened) }
                guard errno != EWOULDBLOCK else {
                    throw CacheError(.snapshotFailed, "cannot write \(partialPath): another program is writing it")
                }
                throw failure("lock")
            }
            // Between the two another may have been done with it, and have given it the name of the snapshot.
            var ours = stat()
            var named = stat()
            if fstat(opened, &ours) == 0, stat(partialPath, &named) == 0, ours.st_ino == named.st_ino,
                ours.st_dev == named.st_dev
            {
                // What is no file has nothing to empty.
                guard ftruncate(opened, 0) == 0 || errno == EINVAL else {
                    defer { close(opened) }
                    throw failure("empty")
                }
                return opened
            }
            close(opened)
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(partialPath)
    }

    /// - Throws: ``CacheError`` with ``CacheError/Code/snapshotFailed``, on a full disk for one.
    func write(_ bytes: [UInt8]) throws(CacheError) {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes { bytes in
                #if canImport(Glibc)
                    Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
                #else
                    Darwin.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
                #endif
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw failure("write") }
            written += result
        }
        count += bytes.count
    }

    /// Puts the file in its place, for good: once this returns, no crash of the machine undoes it.
    func commit() throws(CacheError) {
        guard fsync(descriptor) == 0 else { throw failure("write") }
        guard rename(partialPath, path) == 0 else { throw failure("rename") }
        close(descriptor)
        descriptor = -1
        // The name is the folder's to keep. Some file systems know no such thing, and keep it all the same.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let folderDescriptor = open(folder, O_RDONLY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            _ = fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }

    private func failure(_ action: String) -> CacheError {
        CacheError(.snapshotFailed, "cannot \(action) \(partialPath): \(String(cString: strerror(errno)))")
    }
}
