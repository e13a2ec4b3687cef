/// Some of the characters of ASCII: those that a part of a head may consist of.
struct ByteSet {
    /// A bit for each byte from 0 to 63, and from 64 to 127.
    private let low: UInt64
    private let high: UInt64

    /// What a field's name consists of (RFC 9110, section 5.6.2): letters, digits and ``!#$%&'*+-.^_`|~``.
    static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// What a `Host` consists of (RFC 3986, section 3.2.2), its port included: letters, digits and `-._~%!$&'()*+,;=:[]`.
    static var host: ByteSet { ByteSet(low: 0x2FFF_7FF2_0000_0000, high: 0x47FF_FFFE_AFFF_FFFE) }

    /// Whether all of the bytes are among these.
    ///
    /// - Complexity: O(*n*) for *n* bytes: some instructions for each.
    @inline(__always)
    func isAll(of bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes {
            let half = byte & 64 == 0 ? low : high
            guard byte < 128, half >> UInt64(byte & 63) & 1 == 1 else { return false }
        }
        return true
    }
}
