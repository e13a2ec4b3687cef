import Glibc

/// Reading and writing by descriptor.
enum File {
    /// The whole of a file. Also of one that says it is empty and is not, as those under `/proc` do.
    static func contents(of path: String) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError.last }
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError.last
            }
            if count == 0 { return contents }
            contents += chunk[..<count]
        }
    }

    /// Writes all of `text`, waiting if the descriptor cannot take it at once.
    ///
    /// - Parameter patience: How long to wait, if the descriptor is one that can be waited for; nil for ever.
    /// - Throws: ``SystemError`` if the other end is gone, the disk is full, or the wait was in vain.
    static func write(_ text: String, to descriptor: Int32, patience: Duration? = nil) throws(SystemError) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                let milliseconds = patience.map { CInt($0 / .milliseconds(1)) } ?? -1
                if poll(&waiting, 1, milliseconds) == 0 { throw SystemError(number: EAGAIN) }
            } else if errno != EINTR {
                throw SystemError.last
            }
        }
    }
}

/// An error number of the operating system.
struct SystemError: Error, Equatable, CustomStringConvertible {
    let number: Int32

    /// That of the call just made on this thread.
    static var last: Self { Self(number: errno) }

    /// Such as "No such file or directory".
    // glibc's strerror keeps its text per thread.
    var description: String { String(cString: strerror(number)) }
}
