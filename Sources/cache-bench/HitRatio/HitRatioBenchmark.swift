import ArgumentParser
import CacheCore
import Foundation

/// `cache-bench hit-ratio`: replays a trace through the cache.
struct HitRatioBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hit-ratio",
        abstract: "Replays a trace of keys through the cache, and tells how often it hits.",
        discussion: """
            The trace has a key a line; empty lines are passed over. Each is a get, and a put if it was a miss. Prints one \
            line of JSON: {"trace","policy","capacity","requests","hits","hit_ratio"}.

            With --what-if it replays the trace at other capacities too, and prints for each a line with what the cache \
            had estimated: {"trace","policy","capacity","capacity_factor","hit_rate","estimate","error"}, in percent.
            """)

    @Argument(help: "The trace, not compressed; - for standard input.", completion: .file())
    var file: String

    @Option(help: "Most entries of the cache.")
    var capacity: Int

    @Option(
        help: "The policy: \(EvictionPolicy.allCases.map(\.rawValue).joined(separator: ", ")).",
        transform: { text in
            guard let policy = EvictionPolicy(rawValue: text) else { throw ValidationError("there is no such policy") }
            return policy
        })
    var eviction = EvictionPolicy.auto

    @Flag(help: "Compare what the cache estimates for other capacities with replays. The trace must be a file.")
    var whatIf = false

    func validate() throws {
        if whatIf, file == "-" { throw ValidationError("--what-if reads the trace several times: it must be a file") }
    }

    func run() throws {
        do {
            let name = TraceFile.name(ofPath: file)
            let (replay, stats) = try replay(capacity: capacity)
            let result = HitRatioResult(trace: name, policy: eviction.rawValue, capacity: capacity, replay: replay)
            try Self.print(result.json)
            guard whatIf else { return }
            for estimate in stats.whatIf {
                let other = max(1, Int(Double(capacity) * estimate.capacityFactor))
                let hitRate = try self.replay(capacity: other).stats.hitRate
                try Self.print(
                    HitRateComparison(
                        trace: name, policy: eviction.rawValue, capacity: capacity, estimate: estimate, hitRate: hitRate
                    ).json)
            }
        } catch let error as CacheError {
            throw ValidationError(error.message)
        }
    }

    private func replay(capacity: Int) throws -> (replay: Replay, stats: CacheStats) {
        let cache = try ProductionCache(CacheConfiguration(capacity: capacity, eviction: eviction))
        let replay = try Replay(of: try TraceFile(path: file), through: cache)
        return (replay, cache.getStats())
    }

    private static func print(_ line: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}

/// How a cache did on a trace.
struct Replay: Equatable {
    private(set) var requests = 0
    private(set) var hits = 0

    /// Asks for each key, and puts it in if it is missing.
    init(of keys: some Sequence<String>, through cache: ProductionCache) throws {
        for key in keys {
            requests += 1
            if cache.withJSON(key, { _ in }) == nil {
                try cache.putJSON(key, CollectionOfOne(UInt8(ascii: "1")))
            } else {
                hits += 1
            }
        }
    }
}

/// The line that the command prints.
struct HitRatioResult {
    var trace: String
    var policy: String
    var capacity: Int
    var replay: Replay

    var json: String {
        let ratio = replay.requests == 0 ? 0 : Double(replay.hits) / Double(replay.requests)
        return """
            {"trace":"\(trace)","policy":"\(policy)","capacity":\(capacity),"requests":\(replay.requests),\
            "hits":\(replay.hits),"hit_ratio":\(String(format: "%.6f", ratio))}
            """
    }
}

/// The line that the command prints of an estimate.
struct HitRateComparison {
    var trace: String
    var policy: String
    var capacity: Int
    var estimate: HitRateEstimate
    /// What the replay gave, in percent.
    var hitRate: Double

    var json: String {
        let estimated = estimate.hitRate.map { String(format: "%.2f", $0) } ?? "null"
        let error = estimate.hitRate.map { String(format: "%.2f", $0 - hitRate) } ?? "null"
        return """
            {"trace":"\(trace)","policy":"\(policy)","capacity":\(capacity),\
            "capacity_factor":\(estimate.capacityFactor),"hit_rate":\(String(format: "%.2f", hitRate)),\
            "estimate":\(estimated),"error":\(error)}
            """
    }
}
