import Foundation
import TestSupport
import Testing

@testable import CacheCore

/// How times to live and steps of the clock are chosen.
enum ModelTimes {
    /// Whole ticks of the timer wheel, up to a few minutes.
    case ticks
    /// Anything from a nanosecond to ten years.
    case arbitrary
}

extension CacheModel {
    struct Value: Equatable {
        var number: Int
        /// How long the text is beyond the shortest.
        var padding: Int
    }
}

/// Random operations on a cache and on its model, compared at every step.
///
/// The run ends with an error at the first operation whose results differ, as all that follows would differ too.
struct ModelRun {
    let cache: ProductionCache
    private let clock: ManualClock
    private let times: ModelTimes
    private let defaultLifetime: Int64?
    /// Whether several keys are touched in one call: their order among several shards is not that of the keys.
    private let allowsBulk: Bool
    private var model: CacheModel
    private var random: SplitMix64
    private let names: [String]
    private let numbers: [String: Int]
    private let filler = [UInt8](repeating: UInt8(ascii: "x"), count: Self.maximumPadding)
    private var nextValue = 0
    private var isWalking = false
    /// The last lease of each key, held still or not, and the model's number of it.
    private var leases: [Int: (lease: Lease, number: Int)] = [:]

    init(
        _ configuration: CacheConfiguration, clock: ManualClock, times: ModelTimes, keys: Int, allowsBulk: Bool,
        random: SplitMix64
    ) throws {
        cache = try ProductionCache(configuration)
        self.clock = clock
        self.times = times
        self.allowsBulk = allowsBulk
        self.random = random
        defaultLifetime = configuration.defaultTTL?.nanoseconds
        model = CacheModel(capacity: configuration.capacity)
        names = (0..<keys).map(Self.name)
        numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    /// Keys in groups by prefix; some are long, some hold NUL and characters of several bytes.
    private static func name(_ key: Int) -> String {
        let group = "g\(key % 7)/"
        return switch key % 11 {
        case 0: group + "\0\(key)\0"
        case 1: group + "ключ-\(key)-鍵"
        case 2: group + String(repeating: "long", count: 60) + "\(key)"
        default: group + "\(key)"
        }
    }

    /// Makes so many operations, and compares all figures now and then and at the end.
    mutating func run(_ operations: Int) throws {
        for operation in 1...operations {
            try step()
            if operation % 8192 == 0 { try compareStats() }
        }
        try compareStats()
        audit(cache)
        try removeAll(prefix: "")
        try compareStats()
        try expect(cache.store.ledger.bytes == cache.store.emptyFootprint, "bytes are held without entries")
    }

    private mutating func step() throws {
        defer { if model.isOverFull { noteStaleEviction() } }
        switch random.below(1000) {
        case ..<320: try get()
        case ..<350: try takeLease()
        case ..<380: try fill()
        case ..<660: try put()
        case ..<750: try delete()
        case ..<800: try mget()
        case ..<850: try mput()
        case ..<880: try mdelete()
        case ..<930: advance()
        case ..<960: cache.maintain()
        case ..<964: try walk()
        case ..<966: try removeAll(prefix: "g\(random.below(7))/")
        case ..<967: try compareStats()
        case ..<968: resetStats()
        case ..<980: try touch()
        case ..<982: try removeTagged()
        case ..<986: try updateOfAnother()
        case ..<990: try load()
        case ..<992: try takeLease()
        default: try get()
        }
    }

    /// Tells the model which stale entry has made room.
    private mutating func noteStaleEviction() {
        for key in model.staleKeys where !isHeld(key) { model.evict(key) }
    }

    private func isHeld(_ key: Int) -> Bool {
        withUTF8(of: names[key]) { key in
            let hash = cache.store.hasher.hash(key)
            return cache.store.shards[cache.store.shardIndex(hash)].table.find(key, hash: hash) != nil
        }
    }

    // MARK: One key

    private mutating func get() throws {
        let key = random.below(names.count)
        let expected = model.get(key)
        let name = names[key]
        switch random.below(5) {
        case 4: try compare(lookupForLoading: name, key, expected)
        case 0:
            try expect(cache.getJSON(name) == expected.map { text($0.value) }, "getJSON \(name.debugDescription)")
        case 1:
            let count = cache.withJSON(name) { $0.byteCount }
            try expect(count == expected.map { textCount($0.value) }, "withJSON \(name.debugDescription)")
        default:
            guard let found = withUTF8(of: name, { cache.lookup($0) }) else {
                return try expect(expected == nil, "lookup \(name.debugDescription) found nothing")
            }
            guard let expected else { throw Difference("lookup \(name.debugDescription) found something") }
            let isSame = text(expected.value).withUnsafeBytes { text in
                found.withUnsafeBytes {
                    $0.count == text.count && memcmp($0.baseAddress!, text.baseAddress!, $0.count) == 0
                }
            }
            try expect(isSame, "the value of \(name.debugDescription)")
            // The time of storing is kept to 67 ms.
            let excess = found.age(at: cache.now) - (model.now - expected.storedAt)
            try expect((0..<(1 << 26)).contains(excess), "the age of \(name.debugDescription)")
            let timeLeft = expected.expiresAt == .max ? nil : expected.expiresAt - model.now
            try expect(found.timeLeft(at: cache.now) == timeLeft, "the time left of \(name.debugDescription)")
        }
    }

    private mutating func put() throws {
        let key = random.below(names.count)
        let value = newValue()
        let lifetime = newLifetime()
        let tags = random.oneIn(4) ? [random.below(5)] : []
        let isEncoded = random.oneIn(16)
        let retention = isEncoded || random.oneIn(2) ? 0 : newRetention()
        let expected = model.put(
            key, value, lifetime: lifetime ?? defaultLifetime, tags: isEncoded ? [] : tags, retention: retention)
        let ttl = lifetime.map { Duration.nanoseconds($0) }
        if retention > 0 {
            let outcome = try put(
                key, value, lifetime: lifetime ?? defaultLifetime, tags: tags, retention: retention)
            try expect(outcome == (expected ? .created : .replaced), "put \(names[key].debugDescription)")
        } else if isEncoded {
            try cache.put(names[key], CodableValue(value: value), ttl: ttl)
        } else {
            var json = text(value)
            if random.oneIn(4) { json.insert(contentsOf: " \n\t".utf8, at: 1) }
            let isNew = try cache.putJSON(names[key], json, ttl: ttl, tags: names(ofTags: tags))
            try expect(isNew == expected, "put \(names[key].debugDescription)")
        }
    }

    private mutating func delete() throws {
        let key = random.below(names.count)
        try expect(cache.delete(names[key]) == model.delete(key), "delete \(names[key].debugDescription)")
    }

    private mutating func touch() throws {
        let key = random.below(names.count)
        let lifetime = newLifetime()
        let expected = model.touch(key, lifetime: lifetime)
        let ttl = lifetime.map { Duration.nanoseconds($0) }
        try expect(
            try cache.touch([names[key]], ttl: ttl) == (expected ? 1 : 0), "touch \(names[key].debugDescription)")
    }

    /// Writes that are told to go by another value than the one that is there: they leave all as it is.
    private mutating func updateOfAnother() throws {
        let key = random.below(names.count)
        let isThere = model.live(key) != nil
        let outcome = withUTF8(of: names[key]) { cache.delete($0, if: .isStill(random.next())) }
        if isThere {
            try expect(outcome == .conditionFailed, "delete of another \(names[key].debugDescription)")
        } else {
            try expect(outcome == .absent, "delete of nothing \(names[key].debugDescription)")
            // What had expired is gone now.
            _ = model.delete(key)
        }
    }

    // MARK: Leases and stale values

    private func put(
        _ key: Int, _ value: CacheModel.Value, lifetime: Int64?, tags: [Int] = [], retention: Int64,
        filling lease: Lease? = nil
    ) throws -> PutOutcome {
        let tags = try TagList.make(names(ofTags: tags))
        // The validator's length varies: it is memory that is to be counted.
        let validator = retention % 3 == 0 ? nil : [UInt8](repeating: 7, count: Int(retention % 90))
        return try cache.withParsed(text(value)) { (document: borrowing JSONDocument) throws(CacheError) in
            try withUTF8(of: names[key]) { (key) throws(CacheError) in
                try cache.put(
                    key, document, document.root, lifetime: lifetime, tags: tags,
                    note: retention == 0 ? nil : LoadNote(staleIfError: retention), validator: validator,
                    filling: lease
                ).outcome
            }
        }
    }

    private func compare(lookupForLoading name: String, _ key: Int, _ expected: CacheModel.Held?) throws {
        switch withUTF8(of: name, { cache.lookupForLoading($0) }) {
        case .absent: try expect(expected == nil && model.stale(key) == nil, "\(name.debugDescription) is absent")
        case .fresh(let value, let note):
            try expect(value.digest == expected.map { digest($0.value) }, "\(name.debugDescription) is fresh")
            try expect(note?.retention ?? 0 == expected?.retention, "the note of \(name.debugDescription)")
        case .stale(let value, let note):
            let stale = model.stale(key)
            try expect(
                expected == nil && value.digest == stale.map { digest($0.value) }, "\(name.debugDescription) is stale")
            try expect(note.staleIfError == stale?.retention, "the note of stale \(name.debugDescription)")
        }
    }

    private func names(ofTags tags: [Int]) -> [String] { tags.isEmpty ? [] : tags.map { "t\($0)" } + ["all"] }

    private func digest(_ value: CacheModel.Value) -> UInt64 { text(value).withUnsafeBytes { contentDigest($0) } }

    private mutating func takeLease() throws {
        let key = random.below(names.count)
        let name = names[key]
        let duration = Int64(1 + random.below(400)) * TimerWheel.tick
        let expected = model.get(key)
        switch try withUTF8(of: name, { (key) throws(CacheError) in try cache.takeLease(key, for: duration) }) {
        case .hit(let value):
            try expect(value.digest == expected.map { digest($0.value) }, "takeLease of \(name.debugDescription) hits")
        case .miss(let miss):
            try expect(expected == nil, "takeLease of \(name.debugDescription) misses")
            switch (miss.answer, model.takeLease(key, for: duration)) {
            case (.granted(let token), .granted(let number)): leases[key] = (Lease(token: token), number)
            case (.taken(let left), .taken(let expected)):
                try expect(left == expected, "the lease of \(name.debugDescription) is taken for \(left)")
            default: throw Difference("the lease of \(name.debugDescription) is \(miss.answer)")
            }
            let stale = model.stale(key).map { digest($0.value) }
            switch miss.takeStale() {
            case nil: try expect(stale == nil, "takeLease of \(name.debugDescription) has nothing stale")
            case .some(let value):
                try expect(value.digest == stale, "takeLease of \(name.debugDescription) has something stale")
            }
        }
    }

    /// Fills a key by its last lease, which may be lost by now, or by one of another key.
    private mutating func fill() throws {
        let key = random.below(names.count)
        guard let known = leases[key] else { return }
        let target = random.oneIn(10) ? random.below(names.count) : key
        let value = newValue()
        let lifetime = newLifetime() ?? defaultLifetime
        let retention = random.oneIn(2) ? 0 : newRetention()
        let isHeld = model.holds(target, known.number)
        let outcome = try put(target, value, lifetime: lifetime, retention: retention, filling: known.lease)
        if !known.lease.isOwn { model.countFill(isHeld) }
        if isHeld {
            let isNew = model.put(target, value, lifetime: lifetime, retention: retention)
            try expect(outcome == (isNew ? .created : .replaced), "fill \(names[target].debugDescription)")
        } else {
            try expect(outcome == .leaseLost, "fill \(names[target].debugDescription) without a lease")
        }
        if random.oneIn(2) { leases[key] = nil }
    }

    /// What a program does that loads by itself, or the end of what one began.
    private mutating func load() throws {
        let key = random.below(names.count)
        let name = names[key]
        if random.oneIn(2) {
            let lease = try withUTF8(of: name) { (key) throws(CacheError) in try cache.beginLoad(key).lease }
            leases[key] = (lease, model.beginLoad(key))
            return
        }
        guard let known = leases[key], known.lease.isOwn else { return }
        if random.oneIn(3) {
            model.endLoad(key, known.number)
            withUTF8(of: names[key]) { cache.endLoad(known.lease, of: $0) }
        } else {
            let lifetime = newLifetime()
            let retention = newRetention()
            let expected = model.renew(key, known.number, lifetime: lifetime, retention: retention)
            let isRenewed = withUTF8(of: names[key]) {
                cache.renew(
                    $0, lifetime: lifetime, note: LoadNote(staleIfError: retention), validator: nil,
                    filling: known.lease)
            }
            try expect(isRenewed == expected, "renew \(names[key].debugDescription)")
        }
        leases[key] = nil
    }

    private mutating func newRetention() -> Int64 {
        switch times {
        case .ticks: Int64(1 + random.below(random.oneIn(8) ? 2000 : 100)) * TimerWheel.tick
        case .arbitrary: Int64(1 + random.below(1 << random.below(50)))
        }
    }

    private mutating func removeTagged() throws {
        let tag = random.below(5)
        let expected = model.deleteAll(tag: tag, of: names.indices)
        try expect(cache.deleteAll(tag: "t\(tag)") == expected, "deleteAll of tag \(tag)")
    }

    // MARK: Several keys

    private mutating func someKeys() -> [Int] {
        let count = allowsBulk ? random.below(12) : 1
        return (0..<count).map { _ in random.below(names.count) }
    }

    private mutating func mget() throws {
        let keys = someKeys()
        var expected: [String: [UInt8]] = [:]
        for key in distinct(keys) { expected[names[key]] = model.get(key).map { text($0.value) } }
        try expect(try cache.mgetJSON(keys.map { names[$0] }) == expected, "mget \(keys.map { names[$0] })")
    }

    private mutating func mput() throws {
        // What makes room for which is not seen of a batch when some may be stale: one key at a time then.
        let keys = model.capacity != nil && model.staleCount > 0 ? [random.below(names.count)] : someKeys()
        let values = keys.map { _ in newValue() }
        let lifetimes = keys.map { _ in newLifetime() ?? defaultLifetime }
        var batch = WriteBatch(cache: cache, capacity: keys.count)
        for place in keys.indices {
            let json = text(values[place])
            try cache.withParsed(json) { (document: borrowing JSONDocument) throws(CacheError) in
                try withUTF8(of: names[keys[place]]) { (key) throws(CacheError) in
                    try batch.append(key, document, document.root, lifetime: lifetimes[place])
                }
            }
        }
        // One batch in eight is dropped: it must leave no trace.
        if random.oneIn(8) { return }
        try batch.commit()
        for place in keys.indices { _ = model.put(keys[place], values[place], lifetime: lifetimes[place]) }
    }

    private mutating func mdelete() throws {
        let keys = someKeys()
        var expected = 0
        for key in distinct(keys) where model.delete(key) { expected += 1 }
        try expect(try cache.mdelete(keys.map { names[$0] }) == expected, "mdelete \(keys.map { names[$0] })")
    }

    private mutating func removeAll(prefix: String) throws {
        var expected = 0
        for key in names.indices where names[key].hasPrefix(prefix) && model.delete(key) { expected += 1 }
        try expect(cache.deleteAll(prefix: prefix) == expected, "deleteAll \(prefix)")
    }

    private func distinct(_ keys: [Int]) -> [Int] {
        var seen: Set<Int> = []
        return keys.filter { seen.insert($0).inserted }
    }

    // MARK: Listing

    /// Lists all keys with a prefix, page by page, with other operations between the pages.
    private mutating func walk() throws {
        guard !isWalking else { return }
        isWalking = true
        defer { isWalking = false }
        let prefix = random.oneIn(2) ? "" : "g\(random.below(7))/"
        let operationsAtStart = model.operations
        let candidates = model.liveKeys.filter { names[$0].hasPrefix(prefix) }
        let isQuiet = random.oneIn(2)
        var listed: Set<String> = []
        var cursor: ListingCursor?
        repeat {
            let page = try cache.keys(prefix: prefix, limit: 1 + random.below(40), after: cursor)
            for info in page.keys {
                try expect(listed.insert(info.key).inserted, "\(info.key.debugDescription) was listed twice")
                try compare(info, prefix: prefix)
            }
            cursor = page.cursor
            if !isQuiet { for _ in 0..<random.below(4) { try step() } }
        } while cursor != nil
        // Those that were there all the time are listed; when nothing happened meanwhile, that is all that are.
        let stable = candidates.filter { model.live($0) != nil && model.removals[$0, default: -1] <= operationsAtStart }
        for key in stable { try expect(listed.contains(names[key]), "\(names[key].debugDescription) was not listed") }
        if isQuiet { try expect(listed.count == stable.count, "the listing of \(prefix.debugDescription)") }
    }

    private func compare(_ info: ProductionCache.KeyInfo, prefix: String) throws {
        let key = numbers[info.key]
        guard let key, let entry = model.live(key), info.key.hasPrefix(prefix) else {
            throw Difference("\(info.key.debugDescription) was listed")
        }
        try expect(info.size == textCount(entry.value), "the size of \(info.key.debugDescription) in a listing")
        let isRight = info.ttl == (entry.expiresAt == .max ? nil : .nanoseconds(entry.expiresAt - model.now))
        try expect(isRight, "the time left of \(info.key.debugDescription) in a listing is \(info.ttl as Any)")
    }

    // MARK: Time and statistics

    private mutating func advance() {
        let duration: Int64
        switch times {
        case .ticks: duration = Int64(random.below(random.oneIn(16) ? 2000 : 40)) * TimerWheel.tick
        case .arbitrary: duration = Int64(random.below(1 << random.below(50)))
        }
        clock.advance(by: .nanoseconds(duration))
        model.advance(by: duration)
    }

    private mutating func resetStats() {
        // Between the expiry of an entry and the end of its tick, the model does not know whether it was counted.
        guard times == .ticks else { return }
        cache.maintain()
        cache.resetStats()
        model.resetStats()
    }

    private func compareStats() throws {
        try expect(!model.isOverFull, "no stale entry has made room")
        var expected = model.stats
        let stats = cache.getStats()
        expected.staleEntries = model.staleCount
        expected.currentSize = model.held.count - model.staleCount
        expected.memoryBytes = stats.memoryBytes
        expected.whatIf = stats.whatIf
        if times == .arbitrary {
            // What expired within the present tick may be gone already: it is counted once, as held or as expired.
            let early = expected.currentSize - stats.currentSize
            try expect(
                early >= 0 && early <= model.held.count - model.staleCount - model.liveKeys.count,
                "\(early) entries too few are held")
            expected.currentSize -= early
            expected.expirations += early
        }
        try expect(stats == expected, "the statistics are \(stats), the model's \(expected)")
    }

    // MARK: Values

    private mutating func newValue() -> CacheModel.Value {
        nextValue += 1
        return CacheModel.Value(
            number: nextValue, padding: random.oneIn(64) ? random.below(Self.maximumPadding) : random.below(60))
    }

    private mutating func newLifetime() -> Int64? {
        if random.oneIn(3) { return nil }
        switch times {
        case .ticks: return Int64(1 + random.below(random.oneIn(16) ? 5000 : 100)) * TimerWheel.tick
        case .arbitrary:
            let maximum = Int(CacheConfiguration.maximumTTL.nanoseconds)
            return Int64(1 + random.below(min(maximum, 1 << random.below(60))))
        }
    }

    private static let maximumPadding = 4000

    private func text(_ value: CacheModel.Value) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(textCount(value))
        text.append("[")
        text.append(decimal: value.number)
        text.append(",\"")
        text.append(contentsOf: filler[..<value.padding])
        text.append("\"]")
        return text
    }

    private func textCount(_ value: CacheModel.Value) -> Int {
        var digits = 1
        var rest = value.number
        while rest > 9 {
            rest /= 10
            digits += 1
        }
        return digits + value.padding + 5
    }
}

/// Something in which the cache and its model differ.
private struct Difference: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A `#require` for what is checked a million times: it costs no more than the comparison.
private func expect(_ isTrue: @autoclosure () throws -> Bool, _ what: @autoclosure () -> String) throws {
    guard try isTrue() else { throw Difference("the cache differs from its model: \(what())") }
}

/// The same JSON by way of an encoder.
private struct CodableValue: Encodable {
    var value: CacheModel.Value

    func encode(to encoder: any Encoder) throws {
        var array = encoder.unkeyedContainer()
        try array.encode(value.number)
        try array.encode(String(repeating: "x", count: value.padding))
    }
}
