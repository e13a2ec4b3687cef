internal import Glibc

/// The address that a client asks from, without the port.
public struct ClientAddress: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// - Parameters:
    ///   - high: The first eight bytes of an IPv6 address, in the order of the network; of an IPv4 address, zero.
    ///   - low: The last eight bytes, in which an IPv4 address is as IPv6 has it (RFC 4291, section 2.5.5.2).
    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter address: A socket's address; nil if it is neither of IPv4 nor of IPv6.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            // The family says what it is.
            let bytes = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: bytes)))
        case AF_INET6:
            let bytes = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self = withUnsafeBytes(of: bytes) { Self(bytes: $0) }
        default: return nil
        }
    }

    /// An address from its text, such as `192.0.2.1` or `2001:db8::1`; nil if it is none.
    public init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: four.s_addr)))
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self = withUnsafeBytes(of: six) { Self(bytes: $0) }
        } else {
            return nil
        }
    }

    private init(bytes: UnsafeRawBufferPointer) {
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// The part that one client has: of IPv6, the /64, within which a client can choose its address as it likes.
    public var network: ClientAddress {
        isIPv4 ? self : ClientAddress(high: high, low: 0)
    }

    /// Writes its text, such as `192.0.2.1` or `2001:db8::1`.
    ///
    /// - Parameter room: At least ``mostTextBytes``.
    /// - Returns: How many bytes were written.
    func write(to room: UnsafeMutableRawBufferPointer) -> Int {
        guard isIPv4 else {
            var address = (high.bigEndian, low.bigEndian)
            let text = room.baseAddress!.assumingMemoryBound(to: CChar.self)
            guard inet_ntop(AF_INET6, &address, text, socklen_t(room.count)) != nil else { return 0 }
            return strlen(text)
        }
        var count = 0
        for shift in [24, 16, 8, 0] as [UInt64] {
            let number = UInt8(truncatingIfNeeded: low >> shift)
            if count > 0 {
                room[count] = UInt8(ascii: ".")
                count += 1
            }
            for (digit, least) in [(number / 100, 100), (number / 10 % 10, 10), (number % 10, 0)] as [(UInt8, UInt8)]
            where number >= least {
                room[count] = UInt8(ascii: "0") + digit
                count += 1
            }
        }
        return count
    }

    /// The longest text, with the NUL that C puts behind it.
    static let mostTextBytes = Int(INET6_ADDRSTRLEN)

    private var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }
}
