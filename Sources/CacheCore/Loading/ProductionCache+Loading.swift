#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension ProductionCache {
    /// The value with this key; on a miss, what `load` brings, which is put in the cache.
    ///
    /// ```swift
    /// let user = try await cache.value(for: "user:7", ttl: .seconds(60)) { try await database.user(7) }
    /// ```
    ///
    /// However many tasks ask for a missing key at a time, one load runs, that of the first, and all get what it brings, or the error that it
    /// throws; of an error nothing is kept. What is put or deleted under the key during the load stays as it is: who waits gets what
    /// was loaded, the cache keeps what is newer.
    ///
    /// A task that is cancelled while it waits throws `CancellationError` at once. The load goes on for the others; when the last of them is
    /// cancelled, so is the task that it runs in.
    ///
    /// - Parameters:
    ///   - key: The key: 1 to 65,535 bytes of UTF-8.
    ///   - ttl: How long the entry lives; nil for ``CacheConfiguration/defaultTTL``.
    ///   - load: Loads the value, in a task of its own.
    /// - Returns: The value. That there is no room for a loaded one is no error: it is not kept then.
    /// - Throws: What `load`, the encoder or the decoder throws, `CancellationError`, or ``CacheError``: `invalidKey`, `keyTooLong`,
    ///   `invalidTTL`.
    /// - Complexity: A hit costs what ``get(_:as:)`` does. A miss waits for the load.
    public func value<Value: Codable & Sendable>(
        for key: String, ttl: Duration? = nil, load: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        if let value = try get(key, as: Value.self) { return value }
        let loaded = try await loaded(key, ttl: ttl) { [self] in
            let value = try await load()
            return LoadResult(value: value, json: try encode(value))
        }
        // Whoever began the load may have wanted another type.
        if let known = loaded.value, let value = known as? Value { return value }
        return try loaded.json.withUnsafeBytes { try decode(Value.self, from: $0) }
    }

    /// What ``value(for:ttl:load:)`` does, for JSON text: it is checked in full, and kept and returned without its insignificant white space.
    ///
    /// - Throws: What ``value(for:ttl:load:)`` does, and ``CacheError`` with `invalidJSON` if what was loaded is not JSON.
    public func jsonValue(
        for key: String, ttl: Duration? = nil, load: @escaping @Sendable () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        if let json = getJSON(key) { return json }
        let loaded = try await loaded(key, ttl: ttl) { [self] in
            let json = try minified(try await load())
            return LoadResult(value: nil, json: Data(json))
        }
        return [UInt8](loaded.json)
    }

    private func minified(_ json: [UInt8]) throws(CacheError) -> [UInt8] {
        try withParsed(json) { (document: borrowing JSONDocument) in
            var minified = [UInt8](repeating: 0, count: document.minifiedCount(of: document.root))
            minified.withUnsafeMutableBytes { document.minify(document.root, into: $0) }
            return minified
        }
    }

    /// What the load of a key brings that is under way, or begins with this.
    private func loaded(
        _ key: String, ttl: Duration?, _ load: @escaping @Sendable () async throws -> LoadResult
    ) async throws -> LoadResult {
        // All that is wrong with the call is told before anything is loaded.
        let lifetime = try lifetime(ttl)
        let key = Array(key.utf8)
        try withBytes(of: key) { (key) throws(CacheError) in try ShardedStore.validate(key: key) }
        let waiter = LoadWaiter(flights)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (seat, isLeader) = waiter.join(key, continuation)
                guard let seat else { return }
                guard isLeader else { return countCollapsedLoad() }
                let task = Task { await fly(seat.flight, lifetime: lifetime, load) }
                flights.onAbandonment(of: seat.flight) { task.cancel() }
            }
        } onCancel: {
            waiter.cancel()
        }
    }

    /// Loads, puts what comes in the cache, and then tells those who wait: who comes after finds it there.
    private func fly(
        _ flight: LoadWaiter.LoadFlights.Flight, lifetime: Int64?, _ load: @Sendable () async throws -> LoadResult
    ) async {
        // An earlier flight may have ended between the miss and the beginning of this one.
        if let json = present(flight.key) {
            flights.finish(flight, .success(LoadResult(value: nil, json: json)))
            return
        }
        let lease = beginLoad(flight.key)
        let start = now
        do {
            let loaded = try await load()
            countLoad(duration: now - start, isFailure: false)
            keep(loaded, of: flight.key, lifetime: lifetime, filling: lease)
            flights.finish(flight, .success(loaded))
        } catch {
            countLoad(duration: now - start, isFailure: true)
            if let lease { withBytes(of: flight.key) { endLoad(lease, of: $0) } }
            flights.finish(flight, .failure(error))
        }
    }

    /// The JSON of the live value with this key; counts nothing.
    private func present(_ key: [UInt8]) -> Data? {
        withBytes(of: key) { key in
            guard let value = store.peek(key) else { return nil }
            return value.withUnsafeBytes { json in
                json.isEmpty ? Data() : Data(bytes: json.baseAddress.unsafelyUnwrapped, count: json.count)
            }
        }
    }

    /// The lease of a key; nil if there is no room for one: what is loaded is not kept then.
    private func beginLoad(_ key: [UInt8]) -> Lease? {
        do throws(CacheError) {
            return try withBytes(of: key) { (key) throws(CacheError) in try beginLoad(key).lease }
        } catch {
            return nil
        }
    }

    /// Puts what was loaded, unless the key has changed meanwhile, or there is no room for it.
    private func keep(_ loaded: LoadResult, of key: [UInt8], lifetime: Int64?, filling lease: Lease?) {
        guard let lease else { return }
        let time = configuration.clock.reading()
        do throws(CacheError) {
            try withBytes(of: key) { (key) throws(CacheError) in
                let entry = try store.prepare(loaded.json, key: key, lifetime: lifetime, at: time)
                _ = try store.put(entry, now: time.now, filling: lease)
            }
        } catch {
            withBytes(of: key) { endLoad(lease, of: $0) }
        }
    }
}
