import Testing

@testable import CacheCore

/// A cache with a clock that stands still, and short words for what tests do to it.
struct CacheOfLeases {
    let clock = ManualClock()
    let cache: ProductionCache

    init(capacity: Int? = nil, memoryLimit: Int? = nil, shardCount: Int? = nil) throws {
        var configuration = CacheConfiguration(
            capacity: capacity, memoryLimit: memoryLimit, eviction: .lru, clock: .manual(clock))
        configuration.shardCount = shardCount
        cache = try ProductionCache(configuration)
    }

    /// What a look by a client that loads comes to.
    enum Look: Equatable {
        case hit(String)
        case granted(LeaseToken, stale: String?)
        case taken(Duration, stale: String?)

        var token: LeaseToken? {
            if case .granted(let token, _) = self { return token }
            return nil
        }
    }

    func take(_ key: String, for duration: Duration = .seconds(5)) throws -> Look {
        switch try withUTF8(
            of: key,
            { (key) throws(CacheError) in
                try cache.takeLease(key, for: duration.nanoseconds)
            })
        {
        case .hit(let value): return .hit(Self.text(value))
        case .miss(let miss):
            let answer = miss.answer
            let stale: String? =
                switch miss.takeStale() {
                case nil: nil
                case .some(let value): Self.text(value)
                }
            switch answer {
            case .granted(let token): return .granted(token, stale: stale)
            case .taken(let left): return .taken(.nanoseconds(left), stale: stale)
            }
        }
    }

    func token(_ key: String, for duration: Duration = .seconds(5)) throws -> LeaseToken {
        try #require(try take(key, for: duration).token)
    }

    @discardableResult
    func put(
        _ key: String, _ json: String, ttl: Duration? = nil, stale: Duration = .zero, tags: [String] = [],
        filling token: LeaseToken? = nil
    ) throws -> PutOutcome {
        try cache.withParsed(Array(json.utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
            try withUTF8(of: key) { (key) throws(CacheError) in
                try cache.put(
                    key, document, document.root, lifetime: ttl?.nanoseconds, tags: try TagList.make(tags),
                    note: stale == .zero ? nil : LoadNote(staleWhileRevalidate: stale.nanoseconds),
                    filling: token.map { Lease(token: $0) }
                ).outcome
            }
        }
    }

    /// The value that a look for loading finds: fresh, or stale with a mark before it.
    func look(_ key: String) -> String? {
        switch withUTF8(of: key, { cache.lookupForLoading($0) }) {
        case .fresh(let value, _): Self.text(value)
        case .stale(let value, _): "stale " + Self.text(value)
        case .absent: nil
        }
    }

    func get(_ key: String) -> String? { cache.getJSON(key).map { String(decoding: $0, as: UTF8.self) } }

    private static func text(_ value: borrowing CachedValue) -> String {
        value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
