#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// When a value is fetched anew before it expires: XFetch (A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache
/// Stampede Prevention", VLDB 2015). The less time is left, and the longer a load takes, the likelier each read is the one that
/// starts it, so that as a rule one does before the expiry and many never do at once.
enum EarlyRefresh {
    /// The largest -ln of a random number that ``unit(_:)`` makes: 53 bits.
    private static let longest = 53 * 0.693_147_180_559_945_4

    /// - Parameters:
    ///   - timeLeft: Nanoseconds until the value expires.
    ///   - loadDuration: Nanoseconds that its last load took: *delta* of the paper.
    ///   - beta: More than 1 to refresh earlier, less to refresh later; 0 never to.
    ///   - random: 64 random bits. Not called when there is so much time left that they could not matter.
    static func isDue(timeLeft: Int64, loadDuration: Int64, beta: Double, random: () -> UInt64) -> Bool {
        let scale = Double(loadDuration) * beta
        let timeLeft = Double(timeLeft)
        guard scale > 0, timeLeft <= scale * longest else { return false }
        return -log(unit(random())) * scale >= timeLeft
    }

    /// A number above 0, at most 1.
    private static func unit(_ bits: UInt64) -> Double { Double((bits >> 11) + 1) * 0x1p-53 }
}
