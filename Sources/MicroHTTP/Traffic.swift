internal import Synchronization

/// Counts what goes through one thread of a server. Only that thread adds; any may read.
struct Traffic: ~Copyable {
    private let requestsBegun = Atomic<UInt64>(0)
    private let requestsCompleted = Atomic<UInt64>(0)
    private let bytesReceived = Atomic<UInt64>(0)
    private let bytesSent = Atomic<UInt64>(0)

    @inline(__always) func begin() { Self.add(1, to: requestsBegun) }
    @inline(__always) func complete() { Self.add(1, to: requestsCompleted) }
    @inline(__always) func receive(_ count: Int) { Self.add(UInt64(count), to: bytesReceived) }
    @inline(__always) func send(_ count: Int) { Self.add(UInt64(count), to: bytesSent) }

    /// How many requests have begun and are not answered in full.
    var requestsInFlight: Int {
        // The completed first: the difference is never less than what is in flight.
        let completed = requestsCompleted.load(ordering: .acquiring)
        return Int(requestsBegun.load(ordering: .acquiring) - completed)
    }

    var bytes: (received: Int, sent: Int) {
        (Int(bytesReceived.load(ordering: .relaxed)), Int(bytesSent.load(ordering: .relaxed)))
    }

    /// Not an atomic addition, which would cost more: nobody else writes.
    @inline(__always)
    private static func add(_ amount: UInt64, to counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .releasing)
    }
}
