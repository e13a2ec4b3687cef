/// The bytes of an input, from the front to the end; behind it there are zeros.
struct OperationInput {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { place >= bytes.count }

    mutating func next() -> Int {
        defer { place += 1 }
        return isAtEnd ? 0 : Int(bytes[place])
    }

    /// One of some, whatever the byte is.
    mutating func element<Element>(of elements: [Element]) -> Element { elements[next() % elements.count] }
}

/// Times to live and steps of the clock: about all at which a timer wheel does something else.
enum OperationTimes {
    private static let bases: [Int64] = [
        TimerWheel.tick, 1, TimerWheel.tick - 1, TimerWheel.tick + 1, 1_000_000, TimerWheel.tick * 8,
        TimerWheel.tick * 63,
        TimerWheel.tick * 64, TimerWheel.tick * 65, TimerWheel.tick << 12, TimerWheel.tick << 18, TimerWheel.tick << 24,
    ]

    /// Nanoseconds: a base, or up to 22 of it.
    static func time(_ code: Int) -> Int64 { bases[code % bases.count] * Int64(code / bases.count + 1) }

    /// A time to live from six bits; nil for none.
    static func lifetime(_ code: Int) -> Int64? {
        switch code & 63 {
        case ..<20: nil
        case 63: CacheConfiguration.maximumTTL.nanoseconds
        default: time((code & 63) - 20)
        }
    }
}
