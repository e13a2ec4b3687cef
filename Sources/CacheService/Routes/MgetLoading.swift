internal import CacheCore
internal import MicroHTTP
internal import ReadThrough
internal import Threading

extension CacheService {
    /// Answers an `mget` of which not all was found: what has an origin is loaded, and the response waits for it.
    func mget(
        _ keys: consuming KeyBatch, _ values: consuming CachedValues, through loader: OriginLoader, traceparent: String?
    ) -> Reply {
        var found: [Int: LoadedValue] = [:]
        var places: [Int] = []
        var width = Int.max
        for place in 0..<keys.count where !values.isPresent(place) {
            keys.withKey(at: place) { key in
                // It was counted as a miss already.
                switch loader.read(key, counts: false) {
                case .fresh(let value): found[place] = .copy(of: value, now: cache.now)
                case .stale(let value): found[place] = .copy(of: value, now: cache.now)
                case .missing:
                    places.append(place)
                    width = min(width, loader.mostFetches(for: key))
                case .absent: break
                case .noOrigin: break
                }
            }
        }
        guard !places.isEmpty else { return .now(MgetReply(keys: keys, values: values, loaded: found).response) }
        let loading = MgetLoading(
            keys, values, found: found, places: places, width: width, mostBytes: limits.maxBodyBytes, loader,
            start: cache.now, traceparent)
        loading.goOn()
        return .later(loading.pending)
    }
}

/// The loads of an `mget`: so many at a time, until all have ended; then it makes the answer.
private final class MgetLoading: Sendable {
    let pending = PendingResponse()
    private let loader: OriginLoader
    private let places: [Int]
    private let width: Int
    private let mostBytes: Int
    private let start: Int64
    private let traceparent: String?
    private let state: Locked<State>

    private struct State: ~Copyable {
        /// nil when the answer is made.
        var parts: Parts?
        var loaded: [Int: LoadedValue]
        /// Bytes of what was loaded.
        var bytes = 0
        var failures: [Int: LoadFailure] = [:]
        /// How many were begun, and have ended.
        var begun = 0
        var ended = 0
        /// Whether a thread is beginning loads: one at a time does, or a load that ends at once would begin the next within itself.
        var isBeginning = false
    }

    private struct Parts: ~Copyable, @unchecked Sendable {
        // Sendable: they are handed over as a whole, by the request's thread, and used under the lock or by the one who took them out.
        let keys: KeyBatch
        let values: CachedValues

        consuming func reply(_ loaded: [Int: LoadedValue], _ failures: [Int: LoadFailure]) -> MgetReply {
            MgetReply(keys: keys, values: values, loaded: loaded, failures: failures)
        }
    }

    /// - Parameters:
    ///   - found: What was found besides `values`.
    ///   - places: The places of the keys to load.
    ///   - width: How many loads there are at a time.
    ///   - mostBytes: How many bytes of values are held until all have come; beyond them nothing more is loaded.
    init(
        _ keys: consuming KeyBatch, _ values: consuming CachedValues, found: [Int: LoadedValue], places: [Int],
        width: Int, mostBytes: Int, _ loader: OriginLoader, start: Int64, _ traceparent: String?
    ) {
        self.loader = loader
        self.places = places
        self.width = width
        self.mostBytes = mostBytes
        self.start = start
        self.traceparent = traceparent
        state = Locked(State(parts: Parts(keys: keys, values: values), loaded: found))
    }

    /// Begins as many loads as there may be, unless another thread is at it.
    func goOn() {
        let isBusy = state.withLock { state in
            defer { state.isBeginning = true }
            return state.isBeginning
        }
        guard !isBusy else { return }
        while let (place, key) = next() {
            key.withUnsafeBytes { key in
                loader.load(key, deadline: loader.deadline(for: key, since: start), traceparent: traceparent) {
                    outcome, _ in self.end(place, outcome)
                }
            }
        }
    }

    /// The next load to begin; nil if there is none now, and nobody is at it any more then.
    private func next() -> (place: Int, key: [UInt8])? {
        state.withLock { state in
            guard state.begun < places.count, state.begun - state.ended < width else {
                state.isBeginning = false
                return nil
            }
            let place = places[state.begun]
            state.begun += 1
            return state.parts?.keys.withKey(at: place) { (place, Array($0)) }
        }
    }

    private func end(_ place: Int, _ outcome: LoadOutcome) {
        let reply = state.withLock { state -> MgetReply? in
            switch outcome.result {
            case .value(let value), .stale(let value, _):
                let count = value.bytes.count
                if state.bytes + count <= mostBytes {
                    state.bytes += count
                    state.loaded[place] = value
                } else {
                    refuseRest(&state, place)
                }
            case .failure(let failure): state.failures[place] = failure
            case .absent: break
            }
            state.ended += 1
            guard state.ended == places.count, let parts = state.parts.take() else { return nil }
            return parts.reply(state.loaded, state.failures)
        }
        if let reply { pending.fulfill(reply.response) } else { goOn() }
    }

    /// Holds no more: what is missing still is not loaded.
    private func refuseRest(_ state: inout State, _ place: Int) {
        let failure = LoadFailure(
            .unavailable, "the values that this request loads have more than \(mostBytes) bytes, which is the most")
        state.failures[place] = failure
        for place in places[state.begun...] { state.failures[place] = failure }
        state.ended += places.count - state.begun
        state.begun = places.count
    }
}
