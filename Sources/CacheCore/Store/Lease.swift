/// The right to fill a key: who is granted one loads the value and puts it with the lease's token. It is lost by any change of the key
/// meanwhile, so that no old value comes after a newer one, or after a delete.
package struct Lease: Sendable, Equatable {
    package let token: LeaseToken
    /// Whether the cache's own program holds it, not a client: its loads are counted as loads, not as leases.
    let isOwn: Bool

    /// A client's lease, by the token that it sent.
    package init(token: LeaseToken) { self.init(token: token, isOwn: false) }

    init(token: LeaseToken, isOwn: Bool) {
        self.token = token
        self.isOwn = isOwn
    }

    /// The longest that a client may hold one.
    package static let mostDuration = Duration.seconds(60)
}

/// What proves a lease: 128 random bits that nobody guesses.
package struct LeaseToken: Sendable, Equatable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// A new one, from the system's generator.
    init() {
        var generator = SystemRandomNumberGenerator()
        high = generator.next()
        low = generator.next()
    }

    /// A token from its text: 32 hexadecimal digits; nil if it is none.
    package init?(_ text: UnsafeRawBufferPointer) {
        guard text.count == 32, text.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        let digits = String(decoding: text, as: UTF8.self)
        guard let high = UInt64(digits.prefix(16), radix: 16), let low = UInt64(digits.suffix(16), radix: 16) else {
            return nil
        }
        self.high = high
        self.low = low
    }

    /// Compares all bits, in a time that says nothing of them.
    package static func == (left: Self, right: Self) -> Bool {
        (left.high ^ right.high) | (left.low ^ right.low) == 0
    }

    /// The token as text, for who holds the lease alone.
    package var description: String { Self.hex(high) + Self.hex(low) }

    private static func hex(_ half: UInt64) -> String {
        let digits = String(half, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What ``ProductionCache/takeLease(_:for:)`` found.
package enum LeaseOutcome: ~Copyable {
    /// There is a live value.
    case hit(CachedValue)
    /// There is none.
    case miss(LeaseMiss)
}

/// What became of the lease where there is no live value, and the one that is kept past its expiry, if there is one.
package struct LeaseMiss: ~Copyable {
    package enum Answer: Sendable, Equatable {
        /// The caller is to load the value.
        case granted(LeaseToken)
        /// Another has the lease, for so many nanoseconds at most.
        case taken(retryAfter: Int64)
    }

    package let answer: Answer
    package let stale: CachedValue?

    /// Gives the stale value away.
    package consuming func takeStale() -> CachedValue? { stale }
}
