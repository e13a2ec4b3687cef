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

            With --max-memory each line is a key, a comma and how many bytes its value has, and the line printed has \
            "max_memory" in the place of "capacity", and "byte_hit_ratio" behind "hit_ratio": the share of hits in all \
            bytes that were asked for.

            With --what-if it replays the trace at other capacities too, and prints for each a line with what the cache \
            had estimated: {"trace","policy","capacity","capacity_factor","hit_rate","estimate","error"}, in percent.
            """)

    @Argument(help: "The trace, not compressed; - for standard input.", completion: .file())
    var file: String

    @Option(help: "Most entries of the cache.")
    var capacity: Int?

    @Option(help: "Most bytes of the cache, all that it takes included, in the place of --capacity.")
    var maxMemory: Int?

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
        guard (capacity == nil) != (maxMemory == nil) else {
            throw ValidationError("one of --capacity and --max-memory must be given, and not both")
        }
        if whatIf, capacity == nil { throw ValidationError("--what-if goes with --capacity") }
        if whatIf, file == "-" { throw ValidationError("--what-if reads the trace several times: it must be a file") }
    }

    func run() throws {
        do {
            let name = TraceFile.name(ofPath: file)
            let (replay, stats) = try replay(capacity: capacity)
            try Self.print(
                HitRatioResult(
                    trace: name, policy: eviction.rawValue, capacity: capacity, maxMemory: maxMemory, replay: replay
                ).json)
            guard whatIf, let capacity else { return }
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

    private func replay(capacity: Int?) throws -> (replay: Replay, stats: CacheStats) {
        let cache = try ProductionCache(
            CacheConfiguration(capacity: capacity, memoryLimit: maxMemory, eviction: eviction))
        let lines = try TraceFile(path: file)
        let replay =
            maxMemory == nil
            ? try Replay(of: lines, through: cache)
            : try Replay(ofSized: lines.lazy.map(SizedRequest.init), through: cache)
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
    /// Of the values that were asked for, and of those that were found. Without sizes, each has one byte.
    private(set) var bytes = 0
    private(set) var hitBytes = 0

    /// Asks for each key, and puts it in if it is missing.
    init(of keys: some Sequence<String>, through cache: ProductionCache) throws {
        try self.init(ofSized: keys.lazy.map { SizedRequest(key: $0, bytes: 1) }, through: cache)
    }

    /// Likewise, with values of these sizes. What is larger than the whole cache is never in it.
    init(ofSized requests: some Sequence<SizedRequest>, through cache: ProductionCache) throws {
        // A number of as many digits.
        var digits: [UInt8] = []
        for request in requests {
            self.requests += 1
            bytes += request.bytes
            if cache.withJSON(request.key, { _ in }) != nil {
                hits += 1
                hitBytes += request.bytes
                continue
            }
            if digits.count < request.bytes {
                digits += Array(repeating: UInt8(ascii: "1"), count: request.bytes - digits.count)
            }
            try Self.put(request.key, digits[..<request.bytes], in: cache)
        }
    }

    private static func put(_ key: String, _ value: ArraySlice<UInt8>, in cache: ProductionCache) throws(CacheError) {
        do {
            try cache.putJSON(key, value)
        } catch {
            guard error.code == .insufficientStorage else { throw error }
        }
    }
}

/// A line of a trace with sizes.
struct SizedRequest: Equatable {
    var key: String
    var bytes: Int
}

extension SizedRequest {
    /// From a key, a comma and a number; the value has one byte if there is no number.
    init(line: String) {
        let comma = line.lastIndex(of: ",")
        key = comma.map { String(line[..<$0]) } ?? line
        bytes = max(1, comma.flatMap { Int(line[line.index(after: $0)...]) } ?? 1)
    }
}

/// The line that the command prints.
struct HitRatioResult {
    var trace: String
    var policy: String
    var capacity: Int?
    var maxMemory: Int?
    var replay: Replay

    var json: String {
        func ratio(_ part: Int, _ whole: Int) -> String {
            String(format: "%.6f", whole == 0 ? 0 : Double(part) / Double(whole))
        }
        let bound = capacity.map { "\"capacity\":\($0)" } ?? "\"max_memory\":\(maxMemory ?? 0)"
        let byteRatio = maxMemory == nil ? "" : ",\"byte_hit_ratio\":\(ratio(replay.hitBytes, replay.bytes))"
        return """
            {"trace":"\(trace)","policy":"\(policy)",\(bound),"requests":\(replay.requests),\
            "hits":\(replay.hits),"hit_ratio":\(ratio(replay.hits, replay.requests))\(byteRatio)}
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
