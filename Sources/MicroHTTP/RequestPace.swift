/// How fast a connection's requests arrive, judged from looks at it now and then: how many bytes it has received, and how many of
/// what was sent to it have been acknowledged.
///
/// Who sends a request a byte at a time, to hold a connection (the attack that is called Slowloris), is never silent for long; but it
/// is slow for long, and gets no answer meanwhile. A client that is silent between its requests is not slow.
struct RequestPace {
    /// A request has been arriving since then, with so many bytes received before.
    private var arrival: (start: Duration, received: UInt64)?
    private var received: UInt64 = 0
    private var acknowledged: UInt64 = 0

    /// What a request must have: fewer bytes a second for longer than `patience` is too slow.
    struct Bounds {
        var patience: Duration
        var leastBytesPerSecond: Double
    }

    /// - Parameters:
    ///   - now: The time, by any clock.
    ///   - received: How many bytes the connection has received in all.
    ///   - acknowledged: How many bytes that were sent to it have been acknowledged in all.
    /// - Returns: Whether what arrives is too slow.
    mutating func look(at now: Duration, received: UInt64, acknowledged: UInt64, bounds: Bounds) -> Bool {
        let before = (received: self.received, acknowledged: self.acknowledged)
        (self.received, self.acknowledged) = (received, acknowledged)
        guard acknowledged == before.acknowledged else {
            // It has been answered.
            arrival = nil
            return false
        }
        guard let arrival else {
            if received > before.received { self.arrival = (now, before.received) }
            return false
        }
        let elapsed = now - arrival.start
        guard elapsed >= bounds.patience else { return false }
        let rate = Double(received - arrival.received) / (elapsed / .seconds(1))
        self.arrival = (now, received)
        return rate < bounds.leastBytesPerSecond
    }

    /// What has arrived so far was no slower than it should be.
    mutating func forget() { arrival = nil }
}
