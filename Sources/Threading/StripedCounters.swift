internal import Synchronization

/// Counters that many threads add to without sharing a cache line, and that are summed when they are read.
///
/// Each thread adds to one of a few stripes, chosen by the thread; a stripe is a row of all the counters on cache lines
/// of its own. (The idea of Java's `LongAdder`, with a fixed number of cells.)
///
/// - Complexity: ``add(_:to:)`` is one uncontended atomic addition; a sum reads one cell a stripe.
package struct StripedCounters: ~Copyable, @unchecked Sendable {
    // Sendable: `cells` points to atomics that live, initialized and at a fixed address, from init to deinit.
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let stride: Int

    /// How many counters there are; they are named 0 ..< `count`.
    package let count: Int

    private static let stripes = ThreadStripe.count
    private static let cellsPerLine = 128 / MemoryLayout<Atomic<UInt64>>.stride  // two lines: prefetchers fetch pairs

    package init(count: Int) {
        precondition(count > 0)
        self.count = count
        stride = (count + Self.cellsPerLine - 1) / Self.cellsPerLine * Self.cellsPerLine
        let total = stride * Self.stripes
        cells =
            UnsafeMutableRawPointer
            .allocate(byteCount: total * MemoryLayout<Atomic<UInt64>>.stride, alignment: 128)
            .bindMemory(to: Atomic<UInt64>.self, capacity: total)
        for cell in 0..<total { (cells + cell).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: stride * Self.stripes)
        UnsafeMutableRawPointer(cells).deallocate()
    }

    /// Adds `amount` to counter `index`, in the calling thread's stripe.
    @inline(__always)
    package borrowing func add(_ amount: UInt64 = 1, to index: Int) {
        precondition(index >= 0 && index < count)
        cells[ThreadStripe.current * stride + index].wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum of counter `index` over all stripes.
    ///
    /// What other threads add while the sum is taken may or may not be in it.
    package borrowing func sum(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        var sum: UInt64 = 0
        for stripe in 0..<Self.stripes { sum &+= cells[stripe * stride + index].load(ordering: .relaxed) }
        return sum
    }

    /// Sets all counters to zero.
    package borrowing func reset() {
        for cell in 0..<stride * Self.stripes { cells[cell].store(0, ordering: .relaxed) }
    }
}
