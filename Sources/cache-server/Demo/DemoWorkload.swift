import CacheCore

/// Operations on a cache that a seed determines, and the time that they take.
struct DemoWorkload {
    /// The time spent in the cache, by kind of operation.
    struct Times: Sendable, Equatable {
        var gets = 0
        var puts = 0
        var inGets = Duration.zero
        var inPuts = Duration.zero
    }

    /// A value as an application might have it.
    struct Product: Codable, Equatable {
        var name: String
        var price: Double
        var tags: [String]
        var stock: Int?
    }

    private(set) var times = Times()

    private let cache: ProductionCache
    private var random: SplitMix64

    /// Operations come in so many rounds, with a rest after each, in which time passes and what is short-lived expires.
    private static let rounds = 20
    private static let rest = Duration.milliseconds(20)

    private static let warmedItems = 100
    /// More keys than were warmed, so that some are missed.
    private static let keys = 150

    init(cache: ProductionCache, seed: UInt64) {
        self.cache = cache
        random = SplitMix64(seed: seed)
    }

    /// Loads the first items in one go; every tenth lives for part of the demo only.
    ///
    /// - Returns: how many the cache took.
    mutating func warm() throws -> Int {
        var items: [CacheItem] = []
        for number in 0..<Self.warmedItems {
            let ttl = number % 10 == 0 ? Self.rest * (number / 10 + 1) : nil
            items.append(try CacheItem(key: key(number), encoding: product(number), ttl: ttl))
        }
        return cache.warm(from: items).loaded
    }

    /// Performs the operations, and tells after each round how many are done.
    mutating func run(operations: Int, progress: (Int) throws -> Void) async throws {
        var done = 0
        for round in 1...Self.rounds {
            let goal = operations * round / Self.rounds
            while done < goal {
                try perform()
                done += 1
            }
            try progress(done)
            if round < Self.rounds { try await Task.sleep(for: Self.rest) }
        }
    }

    private mutating func perform() throws {
        // The less of two numbers is more often a small one: some keys are asked for more than others.
        let number = min(Int.random(in: 0..<Self.keys, using: &random), Int.random(in: 0..<Self.keys, using: &random))
        let key = key(number)
        let clock = ContinuousClock()
        if Int.random(in: 0..<100, using: &random) < 70 {
            let start = clock.now
            let value = try cache.get(key, as: Product.self)
            times.inGets += clock.now - start
            times.gets += 1
            if let value, value.name != name(number) { throw DemoError.wrongValue(key: key, name: value.name) }
        } else {
            let value = product(number)
            // Shorter than a rest, and one in five: these are gone by the next round.
            let isShortLived = Int.random(in: 0..<5, using: &random) == 0
            let ttl = isShortLived ? Duration.milliseconds(Int.random(in: 2...10, using: &random)) : nil
            let start = clock.now
            try cache.put(key, value, ttl: ttl)
            times.inPuts += clock.now - start
            times.puts += 1
        }
    }

    private func key(_ number: Int) -> String { "product:\(number)" }

    private func name(_ number: Int) -> String { "Product \(number)" }

    private mutating func product(_ number: Int) -> Product {
        Product(
            name: name(number), price: Double(random.next() % 10_000) / 100, tags: ["demo", "n\(number % 7)"],
            stock: number % 3 == 0 ? nil : number)
    }
}

/// What cannot happen unless the cache is broken.
enum DemoError: Error, CustomStringConvertible {
    case wrongValue(key: String, name: String)

    var description: String {
        switch self {
        case .wrongValue(let key, let name): "the cache returned \(quoted(name)) for the key \(quoted(key))"
        }
    }
}

/// A generator of random numbers that a seed determines: Steele, Lea and Flood's SplitMix64.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
