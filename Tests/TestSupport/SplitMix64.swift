/// A small, fast generator of pseudo-random numbers: the same seed gives the same numbers on every machine
/// (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but without, `bound`.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "there is no number below \(bound)")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True once in `count` times.
    package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    /// An element of an array that is not empty.
    package mutating func element<Element>(of array: [Element]) -> Element { array[below(array.count)] }

    /// A generator of its own for the part of a test with this number, a thread's for example.
    package func split(_ part: Int) -> SplitMix64 {
        var generator = SplitMix64(seed: state ^ (UInt64(part) &+ 1) &* 0xD605_BBB5_8C8A_BBFD)
        return SplitMix64(seed: generator.next())
    }
}
