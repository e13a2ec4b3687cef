internal import Glibc

/// A listening socket in the file system.
struct UnixSocket {
    let path: String
    let descriptor: CInt
    /// Which file it is: another server's of the same name is left alone.
    private let identity: Identity

    private struct Identity: Equatable {
        var device: dev_t
        var inode: ino_t
    }

    /// Makes the socket, in the place of one that nobody listens on any more.
    ///
    /// - Throws: ``HTTPServerError`` if there is another file, or a server that listens; or if the system refuses.
    init(path: String, mode: mode_t) throws(HTTPServerError) {
        func failure(_ reason: String) -> HTTPServerError {
            HTTPServerError("cannot listen on the socket \(path): \(reason)")
        }
        func systemFailure() -> HTTPServerError { failure(String(cString: strerror(errno))) }

        self.path = path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room, !path.utf8.contains(0), !path.isEmpty else {
            throw failure("the path has \(path.utf8.count) bytes; it must have 1 to \(room - 1)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }

        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw systemFailure() }
        self.descriptor = descriptor
        do throws(HTTPServerError) {
            if let kind = Self.file(path)?.kind {
                guard kind == S_IFSOCK else { throw failure("there is a file of this name that is no socket") }
                guard !Self.isAnswered(address, type) else { throw failure("another server listens on it") }
                // A server that was killed has left it behind.
                guard unlink(path) == 0 else { throw systemFailure() }
            }
            // Nobody else may connect between its making and a change of its mode.
            let former = umask(~mode & 0o777)
            let isBound = Self.with(address, { bind(descriptor, $0, $1) }) == 0
            let reason = errno
            umask(former)
            errno = reason
            guard isBound, listen(descriptor, 4096) == 0, let file = Self.file(path) else { throw systemFailure() }
            identity = file.identity
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Takes the file away, if it is still this socket's.
    func remove() {
        if Self.file(path)?.identity == identity { unlink(path) }
    }

    private static func file(_ path: String) -> (kind: mode_t, identity: Identity)? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return (status.st_mode & S_IFMT, Identity(device: status.st_dev, inode: status.st_ino))
    }

    /// Whether somebody takes connections there.
    private static func isAnswered(_ address: sockaddr_un, _ type: CInt) -> Bool {
        let probe = socket(AF_UNIX, type, 0)
        guard probe >= 0 else { return true }
        defer { close(probe) }
        // EAGAIN: its queue is full.
        return with(address) { connect(probe, $0, $1) } == 0 || errno == EAGAIN
    }

    private static func with(_ address: sockaddr_un, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        withUnsafePointer(to: address) { pointer in
            // A sockaddr_un is a sockaddr of its size.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
