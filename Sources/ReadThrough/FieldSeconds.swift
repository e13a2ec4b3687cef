internal import FieldSyntax

/// Times in fields of answers.
enum FieldSeconds {
    /// More than any time to live may be; what is above counts as this (RFC 9111, section 1.2.2).
    private static let most: Int64 = 1 << 31

    /// A number of seconds, which is digits and nothing else; nil if it is none.
    static func parse(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return min(Int64(text) ?? most, most)
    }

    /// Nanoseconds from `wallClock`, in nanoseconds since 1970, to a date, at least 0; nil if it is none.
    static func untilDate(_ text: String, wallClock: Int64) -> Int64? {
        guard let seconds = HTTPDateText.parse(text) else { return nil }
        let left = seconds - wallClock / 1_000_000_000
        return min(max(0, left), most) * 1_000_000_000
    }
}
