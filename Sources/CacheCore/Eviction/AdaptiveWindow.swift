/// How large W-TinyLFU's window is: a hill climber that goes on in the direction in which the hit rate rose.
///
/// The constants are Caffeine's. Sizes are shares, so that they hold however many entries there are.
struct AdaptiveWindow {
    /// The window's share of all entries, and that of the protected ones.
    private(set) var share: Double
    private var protectedShare: Double
    /// The next step, as a share of all entries; the sign is its direction.
    private var nextStep = -initialStep
    private var lastHitRate = 0.0
    private var requests = 0
    private var hits = 0

    /// How many nodes are moved at once at most.
    static let mostMoves = 1000
    /// How often a key must have been used to get in by luck.
    static let warmFrequency = 6

    /// The share of a window that stays as it is (``EvictionRules/wideWindow``).
    static let wideShare = 0.8

    private static let initialShare = 0.01
    private static let initialStep = 0.0625
    private static let stepDecay = 0.98
    /// A change of the hit rate that begins the climb anew.
    private static let restartChange = 0.05
    /// How many requests an entry are seen between two steps.
    private static let requestsPerEntry = 10

    /// - Parameter share: The window's share of all entries; nil for the initial one.
    init(share: Double? = nil) {
        self.share = min(1, share ?? Self.initialShare)
        protectedShare = 0.8 * (1 - self.share)
    }

    func windowSize(of size: Int) -> Int { max(1, Int((share * Double(size)).rounded(.up))) }
    func protectedSize(of size: Int) -> Int { Int(protectedShare * Double(size)) }

    mutating func note(requests: Int, hits: Int) {
        self.requests += requests
        self.hits += hits
    }

    /// The step to take now, as a share of all entries; nil until enough was seen.
    mutating func step(size: Int) -> Double? {
        guard requests >= Self.requestsPerEntry * size else { return nil }
        let hitRate = Double(hits) / Double(requests)
        let change = hitRate - lastHitRate
        let step = change >= 0 ? nextStep : -nextStep
        nextStep =
            abs(change) >= Self.restartChange
            ? (step < 0 ? -Self.initialStep : Self.initialStep) : step * Self.stepDecay
        lastHitRate = hitRate
        requests = 0
        hits = 0
        return step
    }

    /// Gives the window so many entries of the protected ones', or takes them if less than 0.
    mutating func widen(by count: Int, of size: Int) {
        let change = Double(count) / Double(size)
        share = min(1, max(0, share + change))
        protectedShare = max(0, protectedShare - change)
    }
}
