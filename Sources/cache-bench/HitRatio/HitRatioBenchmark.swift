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

    func run() throws {
        let replay: Replay
        do {
            let cache = try ProductionCache(CacheConfiguration(capacity: capacity, eviction: eviction))
            replay = try Replay(of: try TraceFile(path: file), through: cache)
        } catch let error as CacheError {
            throw ValidationError(error.message)
        }
        let result = HitRatioResult(
            trace: TraceFile.name(ofPath: file), policy: eviction.rawValue, capacity: capacity, replay: replay)
        try FileHandle.standardOutput.write(contentsOf: Data((result.json + "\n").utf8))
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
