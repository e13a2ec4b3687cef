internal import CMicroHTTPD
internal import Glibc

/// The time of day as a `Date` field has it (RFC 9110, section 5.6.7), put together anew only when a second is over.
struct HTTPDate: ~Copyable {
    /// How many characters a date has.
    static let count = Int(mhd_date_length)

    // Invariant: points to count + 1 characters from init to deinit, of which the last is NUL.
    private let text: UnsafeMutablePointer<CChar>
    private var second = time_t.min

    init() {
        text = .allocate(capacity: Self.count + 1)
        text.initialize(repeating: 0, count: Self.count + 1)
    }

    deinit { text.deallocate() }

    /// The date at `now`, valid until the next call.
    ///
    /// - Parameter now: Seconds since 1970.
    mutating func string(at now: time_t) -> UnsafePointer<CChar> {
        if now != second {
            second = now
            var time = now
            var parts = tm()
            gmtime_r(&time, &parts)
            // Names of days and months are English: no locale is set in this process.
            strftime(text, Self.count + 1, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        }
        return UnsafePointer(text)
    }
}
