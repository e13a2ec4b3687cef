#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Which of a few stripes of shared state the calling thread uses, so that threads seldom meet on one.
package enum ThreadStripe {
    private static let bits = 4

    /// How many stripes there are.
    package static let count = 1 << bits

    /// The calling thread's stripe, always the same: 0 ..< ``count``.
    @inline(__always)
    package static var current: Int {
        // Thread handles lie far apart at like offsets; a multiplication brings their differences into the top bits.
        #if os(Linux)
            let thread = UInt64(pthread_self())
        #else
            let thread = UInt64(UInt(bitPattern: pthread_self()))
        #endif
        return Int((thread &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
    }
}
