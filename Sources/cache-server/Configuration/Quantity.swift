/// A number of bytes as text: decimal digits, perhaps with a fraction, and a unit without a space between.
///
/// `B`, `kB`, `MB`, `GB` and `TB` are powers of 1000, `KiB`, `MiB`, `GiB` and `TiB` powers of 1024; case does not matter.
/// Without a unit it is bytes.
enum ByteSize {
    /// The bytes that `text` stands for, rounded down; nil if it is no size or beyond `Int`.
    static func parse(_ text: String) -> Int? {
        guard let quantity = Quantity(text), let unit = multiples[quantity.unit.lowercased()] else { return nil }
        return quantity.times(unit)
    }

    /// `bytes` in the largest unit that divides it.
    static func write(_ bytes: Int) -> String {
        for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if bytes != 0, bytes & ((1 << shift) - 1) == 0 { return "\(bytes >> shift)\(unit)" }
        }
        return String(bytes)
    }

    private static let multiples = [
        "": 1, "b": 1,
        "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
        "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    ]
}

/// A span of time as text: decimal digits, perhaps with a fraction, and `ms`, `s`, `m`, `h` or `d` without a space
/// between. Without a unit it is seconds.
enum DurationText {
    /// The duration that `text` stands for, to the nanosecond; nil if it is none or beyond 292 years.
    static func parse(_ text: String) -> Duration? {
        guard let quantity = Quantity(text), let unit = nanoseconds[quantity.unit] else { return nil }
        return quantity.times(unit).map { .nanoseconds(Int64($0)) }
    }

    /// `duration` in a unit that divides it, cut to the millisecond: a minute is `60s`, ten are `10m`.
    static func write(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        if attoseconds != 0 { return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms" }
        for (unit, length) in [("d", Int64(86_400)), ("h", 3_600), ("m", 60)] where seconds > 60 {
            if seconds % length == 0 { return "\(seconds / length)\(unit)" }
        }
        return "\(seconds)s"
    }

    private static let nanoseconds = [
        "": 1_000_000_000, "ms": 1_000_000, "s": 1_000_000_000,
        "m": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000,
    ]
}

/// A number not below zero, of at most fifteen decimal places, kept as the digits that were written so that no rounding comes in, and the unit behind it.
private struct Quantity {
    let unit: String
    private let whole: Substring
    private let fraction: Substring

    init?(_ text: String) {
        let number = text.prefix { $0 == "." || ("0"..."9").contains($0) }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        // Ten to the power of the fraction's length must fit an `Int`.
        guard parts.count == 1 || parts[1].count <= 15 else { return nil }
        unit = String(text[number.endIndex...])
        whole = parts[0]
        fraction = parts.count == 2 ? parts[1] : ""
    }

    /// The product with `unit`, rounded down; nil if it is beyond `Int`, or a fraction of something that has no parts.
    func times(_ unit: Int) -> Int? {
        guard unit > 1 || fraction.isEmpty else { return nil }
        guard let whole = Int(whole), let digits = Int(fraction.isEmpty ? "0" : fraction) else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        // The digits are less than the scale, so the quotient is less than the unit: the division cannot overflow.
        let scale = fraction.reduce(1) { scale, _ in scale * 10 }
        let part = scale.dividingFullWidth(digits.multipliedFullWidth(by: unit)).quotient
        let (sum, carried) = product.addingReportingOverflow(part)
        return carried ? nil : sum
    }
}
