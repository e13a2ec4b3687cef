internal import CXXHash

/// Hashes keys: XXH3 with a secret drawn once a process, so that nobody outside can choose keys that collide.
struct KeyHasher: @unchecked Sendable {
    // Sendable: `secret` points to bytes that are written once, below, and never changed or freed.
    private let secret: UnsafeRawBufferPointer

    private static let secretOfProcess = KeyHasher(
        secret: {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 192, alignment: 64)
            var generator = SystemRandomNumberGenerator()
            for offset in bytes.indices { bytes[offset] = .random(in: .min ... .max, using: &generator) }
            return UnsafeRawBufferPointer(bytes)
        }())

    init() { self = Self.secretOfProcess }

    private init(secret: UnsafeRawBufferPointer) { self.secret = secret }

    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        xxh3_hash_with_secret(key.baseAddress, key.count, secret.baseAddress, secret.count)
    }

    /// Names this process's order of keys: two processes draw the same name with a chance of one in 2³².
    var identity: UInt32 { UInt32(truncatingIfNeeded: xxh3_hash(secret.baseAddress, secret.count)) }
}
