/// Hashes from a hash: bits that depend on all bits of it and, for different salts, have nothing to do with each other.
///
/// The finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
@inline(__always)
func mixed(_ hash: UInt64, salt: UInt64) -> UInt64 {
    var bits = hash ^ salt
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
}

/// Maps 32 bits to 0 ..< `count` evenly, without a division
/// (D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019).
@inline(__always)
func place(_ bits: UInt32, in count: Int) -> Int { Int((UInt64(bits) &* UInt64(count)) >> 32) }
