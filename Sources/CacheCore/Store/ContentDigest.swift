internal import CXXHash

/// The digest of a value's bytes: XXH3, 64 bits, without a seed, so that it is the same on every node and for ever.
@inline(__always)
func contentDigest(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    xxh3_hash(bytes.baseAddress, bytes.count)
}
