internal import Threading

/// How many connections there may be, in all and from one address; and how many there are. All threads of a server share it: it is
/// asked when a connection begins and when it ends.
final class ConnectionLimits: Sendable {
    let most: Int
    let mostOfAddress: Int?
    private let counts = Locked(Counts())

    private struct Counts {
        var all = 0
        /// By ``ClientAddress/network``; only where there is a limit.
        var ofAddress: [ClientAddress: Int] = [:]
    }

    init(most: Int, mostOfAddress: Int?) {
        self.most = most
        self.mostOfAddress = mostOfAddress
    }

    /// Counts a connection that begins.
    ///
    /// - Parameter address: Where it comes from; nil over a socket in the file system.
    /// - Returns: Why there is no room for it, and it is not counted; nil if there is.
    func admit(_ address: ClientAddress?) -> ConnectionRefusal? {
        counts.withLock { counts in
            guard counts.all < most else { return .connections(most: most) }
            if let mostOfAddress, let network = address?.network {
                let count = counts.ofAddress[network, default: 0]
                guard count < mostOfAddress else { return .connectionsOfAddress(most: mostOfAddress) }
                counts.ofAddress[network] = count + 1
            }
            counts.all += 1
            return nil
        }
    }

    /// A connection that was counted has ended.
    func end(_ address: ClientAddress?) {
        counts.withLock { counts in
            counts.all -= 1
            guard mostOfAddress != nil, let network = address?.network else { return }
            let count = counts.ofAddress[network, default: 0] - 1
            counts.ofAddress[network] = count > 0 ? count : nil
        }
    }
}

/// The connections of one thread that were told that there is no room: what they send is not read as requests. For the thread's daemon
/// alone.
struct RefusedConnections {
    private var sockets: Set<CInt> = []

    @inline(__always) var isEmpty: Bool { sockets.isEmpty }
    var count: Int { sockets.count }
    func contains(_ socket: CInt) -> Bool { sockets.contains(socket) }
    mutating func insert(_ socket: CInt) { sockets.insert(socket) }

    /// - Returns: Whether it was among them.
    mutating func remove(_ socket: CInt) -> Bool { !sockets.isEmpty && sockets.remove(socket) != nil }
}
