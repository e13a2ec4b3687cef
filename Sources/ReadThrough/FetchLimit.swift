/// So many at a time, and the others in a queue of bounded length, first come first served.
///
/// A value: whoever shares it locks it. `Waiter` is what it hands back when its turn has come.
struct FetchLimit<Waiter> {
    private let most: Int
    private let mostWaiting: Int
    private(set) var running = 0
    /// Those that wait, by their number in the order in which they came. Numbers of those that left are not there.
    private var waiters: [UInt64: Waiter] = [:]
    private var first: UInt64 = 0
    private var end: UInt64 = 0

    enum Entry: Equatable {
        /// It may run, and is to ``leave()`` when it has.
        case runs
        /// Its turn comes; until then it may ``giveUp(_:)`` by this number.
        case waits(UInt64)
        /// There is no room.
        case refused
    }

    init(most: Int, mostWaiting: Int) {
        self.most = most
        self.mostWaiting = mostWaiting
    }

    var waiting: Int { waiters.count }

    mutating func enter(_ waiter: @autoclosure () -> Waiter) -> Entry {
        if running < most {
            running += 1
            return .runs
        }
        guard waiters.count < mostWaiting else { return .refused }
        waiters[end] = waiter()
        end += 1
        return .waits(end - 1)
    }

    /// Ends the turn of one that ran.
    ///
    /// - Returns: Who is next, and runs now.
    /// - Complexity: O(1) amortized.
    mutating func leave() -> Waiter? {
        while first < end {
            first += 1
            if let next = waiters.removeValue(forKey: first - 1) { return next }
        }
        running -= 1
        return nil
    }

    /// Takes one out of the queue; nil if its turn has come already.
    mutating func giveUp(_ number: UInt64) -> Waiter? { waiters.removeValue(forKey: number) }
}
