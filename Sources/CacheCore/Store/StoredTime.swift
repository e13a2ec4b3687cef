/// When an entry was put, in four bytes: the lower ones of the cache's clock in ticks of 2²⁶ ns. The upper ones follow from when one
/// asks, as long as the entry is younger than nine years.
struct StoredTime: Equatable {
    let tick: UInt32

    private static let shift: Int64 = 26
    /// A reader may have looked at the clock before the writer did, by so many ticks at most.
    private static let mostAhead: UInt32 = 1 << 16

    @inline(__always) init(tick: UInt32) { self.tick = tick }
    @inline(__always) init(_ time: Int64) { tick = UInt32(truncatingIfNeeded: time >> Self.shift) }

    /// Nanoseconds that have passed at `now`; up to 67 ms too many.
    func age(at now: Int64) -> Int64 {
        let ticks = UInt32(truncatingIfNeeded: now >> Self.shift) &- tick
        guard ticks <= .max - Self.mostAhead else { return 0 }
        return Int64(ticks) << Self.shift + now & (1 << Self.shift - 1)
    }
}
