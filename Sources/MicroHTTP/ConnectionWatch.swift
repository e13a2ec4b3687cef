internal import CMicroHTTPD
internal import Glibc
internal import Threading

/// The open connections of a server, and the end of those whose requests arrive too slowly.
///
/// It costs a request nothing: now and then it asks the system what each connection has received. Sockets in the file system do
/// not tell; who may connect to them is known.
///
/// Invariant: a descriptor is known here from ``opened(_:)`` to ``closed(_:)``, between which the library keeps it open; it is used
/// under the lock alone, so that never another's of the same number is cut.
final class ConnectionWatch: Sendable {
    private let bounds: RequestPace.Bounds
    private let connections = Locked<[CInt: Watched]>([:])

    private struct Watched {
        var pace = RequestPace()
        /// It may be slow: it sends a stream, whose source may be, or it waits for a response.
        var isExempt = false
    }

    init(_ bounds: RequestPace.Bounds) { self.bounds = bounds }

    func opened(_ socket: CInt) { connections.withLock { $0[socket] = Watched() } }
    func closed(_ socket: CInt) { _ = connections.withLock { $0.removeValue(forKey: socket) } }

    /// Notes that a connection may be slow, or may not any more.
    func setExempt(_ isExempt: Bool, _ socket: CInt) {
        connections.withLock { connections in
            connections[socket]?.isExempt = isExempt
            if !isExempt { connections[socket]?.pace.forget() }
        }
    }

    /// Looks at all connections, and cuts those that are too slow: the library sees their end, and closes them.
    ///
    /// - Complexity: A system call for each connection.
    func cutSlow(at now: Duration) {
        for socket in connections.withLock({ Array($0.keys) }) {
            connections.withLock { connections in
                var counts = mhd_byte_counts()
                guard var watched = connections[socket], mhd_count_bytes(socket, &counts) == 0 else { return }
                let isSlow = watched.pace.look(
                    at: now, received: counts.received, acknowledged: counts.acknowledged, bounds: bounds)
                connections[socket] = watched
                if isSlow, !watched.isExempt { shutdown(socket, CInt(SHUT_RDWR)) }
            }
        }
    }
}
