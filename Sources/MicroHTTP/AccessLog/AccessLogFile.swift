internal import Glibc
internal import Synchronization

/// What takes the lines: a file that can be opened anew, or a descriptor.
///
/// Invariant: ``write(_:until:)`` is called by one thread at a time. A descriptor that `next` held belongs to who took it out.
final class AccessLogFile: @unchecked Sendable {
    private let path: String?
    /// A newer descriptor of the file; -1 for none.
    private let next = Atomic<CInt>(-1)
    // The writing thread's own.
    private var descriptor: CInt
    private var isRegular: Bool
    /// Whether the last bytes that were written are a part of a line.
    private var isMidLine = false

    /// How much comes through a pipe in one piece, whoever else writes to it (`PIPE_BUF`).
    private static let mostAtOnce = AccessLogLines.mostBytes

    /// - Throws: ``AccessLogError`` if the file cannot be opened.
    init(_ destination: AccessLog.Destination) throws(AccessLogError) {
        switch destination {
        case .file(let path):
            self.path = path
            descriptor = try Self.open(path)
        case .descriptor(let descriptor):
            path = nil
            self.descriptor = descriptor
        }
        isRegular = Self.isRegular(descriptor)
    }

    deinit {
        guard path != nil else { return }
        close(descriptor)
        let unused = next.load(ordering: .acquiring)
        if unused >= 0 { close(unused) }
    }

    /// Opens the file anew, for what is written from the next call on.
    ///
    /// - Throws: ``AccessLogError`` if it cannot be opened.
    func reopen() throws(AccessLogError) {
        guard let path else { return }
        let unused = next.exchange(try Self.open(path), ordering: .acquiringAndReleasing)
        if unused >= 0 { close(unused) }
    }

    /// Writes lines, and waits for it, as long as `mayWait` says.
    ///
    /// - Parameter mayWait: Asked now and then while nothing can be written.
    /// - Returns: How many bytes were not written, and why: an error number, or 0 if it might not wait.
    func write(_ lines: UnsafeRawBufferPointer, while mayWait: () -> Bool) -> (lost: Int, error: CInt)? {
        useNext()
        if isMidLine { finishLine() }
        var rest = lines
        while !rest.isEmpty {
            let piece = isRegular ? rest : Self.firstLines(of: rest)
            let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                isMidLine = count > 0 && piece[count - 1] != UInt8(ascii: "\n")
                continue
            }
            let error = errno
            if error == EINTR { continue }
            guard error == EAGAIN else { return (rest.count, error) }
            guard mayWait() else { return (rest.count, 0) }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, 100)
        }
        return nil
    }

    private func useNext() {
        let newer = next.exchange(-1, ordering: .acquiringAndReleasing)
        guard newer >= 0 else { return }
        close(descriptor)
        descriptor = newer
        isRegular = Self.isRegular(newer)
        isMidLine = false
    }

    /// Ends a line of which the rest was lost, so that the next one begins where it should.
    private func finishLine() {
        let end = [UInt8(ascii: "\n")]
        if Glibc.write(descriptor, end, 1) == 1 { isMidLine = false }
    }

    /// As many whole lines as come through at once.
    private static func firstLines(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard bytes.count > mostAtOnce else { return bytes }
        let most = UnsafeRawBufferPointer(rebasing: bytes.prefix(mostAtOnce))
        guard let last = most.lastIndex(of: UInt8(ascii: "\n")) else { return most }
        return UnsafeRawBufferPointer(rebasing: most[...last])
    }

    private static func open(_ path: String) throws(AccessLogError) -> CInt {
        // Without waiting for the reader of a pipe, here or when it is written to.
        let descriptor = Glibc.open(
            path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, S_IRUSR | S_IWUSR | S_IRGRP)
        guard descriptor >= 0 else {
            throw AccessLogError("cannot open the access log \(path): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private static func isRegular(_ descriptor: CInt) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
