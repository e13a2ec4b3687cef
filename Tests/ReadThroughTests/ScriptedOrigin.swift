import CacheCore
import TestSupport
import Testing
import Threading

@testable import ReadThrough

/// An origin, a cache and a loader between them, whose time a test drives, and who answers when the test says so.
final class ScriptedOrigin: Sendable {
    typealias Answer = @Sendable (Result<OriginAnswer, FetchFailure>) -> Void

    let clock = ManualClock(secondsSince1970: 784_111_777)
    let cache: ProductionCache
    let loader: OriginLoader
    private let alarms: Alarms
    private let box: Box

    private struct State {
        var requests: [OriginRequest] = []
        /// Those that were not answered yet.
        var waiting: [Answer] = []
        /// What the next requests are answered at once.
        var script: [Result<OriginAnswer, FetchFailure>] = []
        /// What is answered behind the script; nil to wait.
        var always: Result<OriginAnswer, FetchFailure>?
        /// What the log was told.
        var faults: [FetchFailure] = []
    }

    /// What waits for its time.
    private final class Alarms: Sendable {
        let list = Locked<[(due: Int64, body: @Sendable () -> Void)]>([])
    }

    init(
        prefix: String = "", url: String = "http://origin/items/{key}", maxValueBytes: Int = 1000,
        shardCount: Int? = nil, _ change: (inout OriginRoute) -> Void = { _ in },
        random: @escaping @Sendable () -> UInt64 = { .max }
    ) throws {
        var configuration = CacheConfiguration(clock: .manual(clock))
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        self.cache = cache
        var route = OriginRoute(prefix: Array(prefix.utf8), template: try OriginTemplate(url))
        route.timeToLive = .seconds(60)
        route.retries = 0
        change(&route)
        let box = Box()
        let alarms = Alarms()
        self.alarms = alarms
        let origins = Origins(
            routes: [route],
            fetch: { request, answer in
                let now: Result<OriginAnswer, FetchFailure>? = box.state.withLock { state in
                    state.requests.append(request)
                    if !state.script.isEmpty { return state.script.removeFirst() }
                    if let always = state.always { return always }
                    state.waiting.append(answer)
                    return nil
                }
                if let now { answer(now) }
            },
            later: { duration, body in
                alarms.list.withLock { $0.append((cache.now + duration.nanoseconds, body)) }
            },
            faultObserver: { _, failure in box.state.withLock { $0.faults.append(failure) } }, random: random)
        loader = try OriginLoader(origins, cache: cache, maxValueBytes: maxValueBytes)
        self.box = box
    }

    private final class Box: Sendable {
        let state = Locked(State())
    }

    /// Loads that a test leaves under way hold the loader, which holds what they wait in.
    deinit {
        let waiting = box.state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        let due = alarms.list.withLock { list in
            defer { list = [] }
            return list
        }
        withExtendedLifetime((waiting, due)) {}
    }

    var requests: [OriginRequest] { box.state.withLock { $0.requests } }
    var requestCount: Int { box.state.withLock { $0.requests.count } }
    var faults: [FetchFailure] { box.state.withLock { $0.faults } }

    /// How the next requests are answered, at once.
    func script(_ answers: Result<OriginAnswer, FetchFailure>...) { box.state.withLock { $0.script += answers } }

    /// How all requests are answered from now on.
    func always(_ answer: Result<OriginAnswer, FetchFailure>) { box.state.withLock { $0.always = answer } }

    /// Answers the request that waits for the longest time.
    func answer(_ answer: Result<OriginAnswer, FetchFailure>) throws {
        let waiting = box.state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        let first = try #require(waiting)
        first(answer)
    }

    /// Lets time pass, and what waits for it happen.
    func advance(by duration: Duration) {
        clock.advance(by: duration)
        while true {
            let now = cache.now
            let due = alarms.list.withLock { alarms in
                let due = alarms.filter { $0.due <= now }
                alarms.removeAll { $0.due <= now }
                return due
            }
            guard !due.isEmpty else { return }
            for alarm in due { alarm.body() }
        }
    }

    // MARK: Reading

    /// Reads a key, and loads it if it is missing; what came of it, in words.
    func get(_ key: String = "a") -> Got {
        let got = Got()
        let key = Array(key.utf8)
        key.withUnsafeBytes { key in
            switch loader.read(key) {
            case .fresh(let value): got.set("fresh \(Self.text(value))")
            case .stale(let value): got.set("stale \(Self.text(value))")
            case .absent: got.set("known to be absent")
            case .noOrigin: got.set("no origin")
            case .missing(let isStale):
                loader.load(key) { outcome, isCollapsed in
                    got.set(Self.text(outcome) + (isCollapsed ? ", collapsed" : "") + (isStale ? ", was stale" : ""))
                }
            }
        }
        return got
    }

    private static func text(_ value: borrowing CachedValue) -> String {
        value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private static func text(_ outcome: LoadOutcome) -> String {
        let status = outcome.status.map { " \($0)" } ?? ""
        let stored = outcome.isStored ? " stored" : ""
        return switch outcome.result {
        case .value(let value): "value \(String(decoding: value.bytes, as: UTF8.self))\(status)\(stored)"
        case .absent: "absent\(status)\(stored)"
        case .stale(let value, let failure):
            "kept \(String(decoding: value.bytes, as: UTF8.self))\(status) \(failure.code.rawValue)"
        case .failure(let failure): "\(failure.code.rawValue)\(status)"
        }
    }
}

/// What came of a read, when it has come.
final class Got: Sendable, CustomStringConvertible {
    private let texts = Locked<[String]>([])

    func set(_ text: String) { texts.withLock { $0.append(text) } }

    /// `waiting` before the outcome.
    var description: String { texts.withLock { $0.isEmpty ? "waiting" : $0.joined(separator: " and ") } }
}

extension Result<OriginAnswer, FetchFailure> {
    /// An answer with a body.
    static func ok(_ body: String, _ fields: [(String, String)] = []) -> Self {
        .success(OriginAnswer(status: 200, fields: fields.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8)))
    }

    static func status(_ status: Int, _ fields: [(String, String)] = []) -> Self {
        .success(OriginAnswer(status: status, fields: fields.map { (name: $0.0, value: $0.1) }))
    }
}
