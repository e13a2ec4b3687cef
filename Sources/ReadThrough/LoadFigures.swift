internal import Threading

/// What loads came to, since the start or the last ``reset()``.
package final class LoadFigures: Sendable {
    package enum Counter: Int, CaseIterable, Sendable {
        /// Loads that brought a value, that found none, that found the value unchanged, that failed.
        case values, absences, revalidated, failures
        /// Loads that were not begun, because the breaker was open or the queue full. They are failures too.
        case rejected
        /// Reads that waited for another's load.
        case collapsed
        /// Reads that were answered past the expiry, and by that there is nothing.
        case staleServed, negativeHits
    }

    private let counters = StripedCounters(count: Counter.allCases.count)

    func count(_ counter: Counter, _ number: UInt64 = 1) { counters.add(number, to: counter.rawValue) }

    package subscript(_ counter: Counter) -> Int { Int(counters.sum(counter.rawValue)) }

    package func reset() { counters.reset() }
}
