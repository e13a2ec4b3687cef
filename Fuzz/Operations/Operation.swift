/// What is done to the cache: five bytes of an input each, so that one which goes in or out leaves the others as they are.
enum Operation: CustomStringConvertible {
    /// By which of the methods that do the same; a number from 0 to 3.
    typealias Face = Int
    typealias Notes = OperationNotes
    typealias Condition = OperationCondition

    /// Some of the keys: `count` of them, each `stride` further than the one before, round and round.
    struct Keys: CustomStringConvertible {
        let first: Int
        let count: Int
        let stride: Int

        var numbers: [Int] { (0..<count).map { (first + $0 * stride) % OperationKeys.count } }
        var description: String { "\(count) keys from \(first) by \(stride)" }
    }

    case get(Int, Face)
    case getRun(Keys)
    case getBatch(Keys, Face)
    /// So many reads of keys of which some are read often; what is missing is put.
    case traffic(seed: Int, Int, keys: Int)
    case put(Int, size: Int, lifetime: Int64?, Notes, Face)
    case putRun(Keys, size: Int, lifetime: Int64?, Notes)
    case putBatch(Keys, size: Int, lifetime: Int64?, Notes, Face)
    case putIf(Int, Condition, size: Int, lifetime: Int64?, Notes)
    case increment(Int, by: Int64, initial: Int64, lifetime: Int64?)
    case merge(Int, patch: Int, lifetime: Int64?, Condition?)
    case touch(Keys, lifetime: Int64?)
    case delete(Int)
    case deleteIf(Int, Condition)
    case deleteBatch(Keys)
    case deletePrefix(String)
    /// Of keys with a prefix, and sparing a lease or none.
    case deleteTag(Int, prefix: String, sparing: Int?)
    case listPage(limit: Int, prefix: String)
    case export(prefix: String, byteCount: Int)
    case snapshot(capacity: Int)
    case lend(Int)
    case endLending(Int)
    /// A value that may be stale, with a count or without.
    case look(Int, counts: Bool)
    case takeLeases(Keys, duration: Int64)
    /// Of the key that was written last, if none is named.
    case beginLoad(Int?)
    // By leases that were taken, the last first.
    case fill(lease: Int, of: Int?, size: Int, lifetime: Int64?, Notes)
    case renew(lease: Int, lifetime: Int64?, Notes)
    case noteAbsence(lease: Int, lifetime: Int64?)
    case endLoad(lease: Int)
    case advance(Int64)
    /// To about the time at which something ends, by the order of these times.
    case advanceToEnd(Int, more: Int64)
    case maintain
    case compareStatistics(resets: Bool)
    case audit
    case refuse(Int)

    init(_ input: inout OperationInput) {
        let (code, a, b, c, d) = (input.next(), input.next(), input.next(), input.next(), input.next())
        let run = Keys(first: a, count: b % 64 + 1, stride: c % 8)
        let prefix = c % 8 < 4 ? OperationKeys.prefixes[c % 4] : ""
        // Of few keys most often, so that one is met again.
        let key = c >> 6 == 0 ? a : a % 24
        let lifetime = OperationTimes.lifetime(c)
        let condition = Condition(d)
        let notes = Notes(d)
        self =
            switch code % 100 {
            case ..<7: .get(a, b % 4)
            case 7: .traffic(seed: a, 16 + b * 4, keys: c + 1)
            case ..<11: .getRun(Keys(first: a, count: b + 1, stride: c % 8))
            case ..<15: .getBatch(run, c >> 6)
            case ..<26: .put(d < 96 ? a : key, size: b, lifetime: lifetime, notes, c >> 6)
            case ..<31: .putRun(Keys(first: a, count: b % 64 + 1, stride: 1 + b >> 6), size: c, lifetime: nil, notes)
            case ..<34:
                .putRun(Keys(first: a, count: b % 64 + 1, stride: 1), size: a ^ b, lifetime: lifetime, notes)
            case ..<37:
                .putBatch(Keys(first: a, count: b % 32 + 1, stride: b >> 5), size: c, lifetime: nil, notes, c % 4)
            case ..<41:
                .putBatch(
                    Keys(first: a, count: b % 32 + 1, stride: b >> 5), size: a ^ b, lifetime: lifetime, notes, c >> 6)
            case ..<44: .delete(a)
            case ..<46: .deleteBatch(run)
            case 46: .deletePrefix(a < 192 ? OperationKeys.prefixes[a % 4] : "")
            case ..<49: .listPage(limit: b % 48 + 1, prefix: prefix)
            case 49: .export(prefix: prefix, byteCount: b * 16)
            case ..<52: .lend(a)
            case 52: .endLending(a)
            case ..<55: .advance(OperationTimes.time(a))
            case ..<57: .advanceToEnd(a % 8, more: Int64(b % 3) - 1)
            case ..<59: .maintain
            case ..<61: .compareStatistics(resets: a % 4 == 0)
            case 61: .audit
            case ..<64: .refuse(a)
            case ..<67:
                .increment(
                    key, by: Self.integers[b % Self.integers.count], initial: Self.integers[d % Self.integers.count],
                    lifetime: lifetime)
            case ..<70: .merge(key, patch: b, lifetime: lifetime, d < 128 ? nil : condition)
            case ..<72: .touch(Keys(first: a, count: b % 32 + 1, stride: b >> 5), lifetime: lifetime)
            case ..<74: .putIf(key, condition, size: b, lifetime: lifetime, Notes(a))
            case 74: .deleteIf(key, condition)
            case ..<77:
                .deleteTag(a % OperationNotes.tagNames.count, prefix: prefix, sparing: b < 128 ? nil : b - 128)
            case ..<81: .takeLeases(Keys(first: key, count: 1, stride: 1), duration: OperationTimes.time(b))
            case 81: .takeLeases(Keys(first: a, count: b % 64 + 1, stride: 1), duration: OperationTimes.time(c))
            case ..<85: .beginLoad(b < 128 ? key : nil)
            case ..<89: .fill(lease: a % 16, of: c >> 6 == 3 ? b % 24 : nil, size: b, lifetime: lifetime, notes)
            case 89: .endLoad(lease: a % 16)
            case ..<93: .renew(lease: max(0, a % 8 - 4), lifetime: lifetime, notes)
            case ..<95: .noteAbsence(lease: max(0, a % 8 - 4), lifetime: b < 64 ? nil : OperationTimes.time(c))
            case ..<98: .look(key, counts: b < 128)
            case 98: .advanceToEnd(0, more: Int64(b))
            default: a % 4 == 0 ? .snapshot(capacity: b) : .audit
            }
    }

    /// What is added to integers: about what an integer can hold.
    private static let integers: [Int64] = [1, -1, 9, 90, 1000, -5, 0, .max, .min, .max - 1, 4_294_967_296]

    var description: String {
        func text(_ lifetime: Int64?) -> String { lifetime.map { "\($0) ns" } ?? "default" }
        func ifAny(_ condition: Condition?) -> String { condition.map { " if \($0)" } ?? "" }
        return switch self {
        case .get(let key, let face): "get \(key) (face \(face))"
        case .getRun(let keys): "get \(keys)"
        case .getBatch(let keys, let face): "get at once \(keys) (face \(face))"
        case .traffic(let seed, let count, let keys): "\(count) reads of \(keys) keys, seed \(seed)"
        case .put(let key, let size, let lifetime, let notes, let face):
            "put \(key), size \(size), lifetime \(text(lifetime))\(notes) (face \(face))"
        case .putRun(let keys, let size, let lifetime, let notes):
            "put \(keys), size \(size), lifetime \(text(lifetime))\(notes)"
        case .putBatch(let keys, let size, let lifetime, let notes, let face):
            "put at once \(keys), sizes from \(size), lifetime \(text(lifetime))\(notes) (face \(face))"
        case .putIf(let key, let condition, let size, let lifetime, let notes):
            "put \(key)\(ifAny(condition)), size \(size), lifetime \(text(lifetime))\(notes)"
        case .increment(let key, let amount, let initial, let lifetime):
            "increment \(key) by \(amount) from \(initial), lifetime \(text(lifetime))"
        case .merge(let key, let patch, let lifetime, let condition):
            "merge patch \(patch) into \(key)\(ifAny(condition)), lifetime \(text(lifetime))"
        case .touch(let keys, let lifetime): "touch \(keys), lifetime \(text(lifetime))"
        case .delete(let key): "delete \(key)"
        case .deleteIf(let key, let condition): "delete \(key)\(ifAny(condition))"
        case .deleteBatch(let keys): "delete at once \(keys)"
        case .deletePrefix(let prefix): "delete all of \(prefix.debugDescription)"
        case .deleteTag(let tag, let prefix, let spared):
            "delete all of tag \(tag) and \(prefix.debugDescription), sparing lease \(spared.map { "\($0)" } ?? "none")"
        case .listPage(let limit, let prefix): "list \(limit) of \(prefix.debugDescription)"
        case .export(let prefix, let count): "export \(prefix.debugDescription) by \(count) bytes"
        case .snapshot(let capacity): "snapshot, for a capacity by \(capacity)"
        case .lend(let key): "lend \(key)"
        case .endLending(let number): "end lending \(number)"
        case .look(let key, let counts): "look at \(key), counted: \(counts)"
        case .takeLeases(let keys, let duration): "take leases of \(keys), for \(duration) ns"
        case .beginLoad(let key): "begin to load \(key.map { "\($0)" } ?? "what was written last")"
        case .fill(let lease, let key, let size, let lifetime, let notes):
            "fill \(key.map { "\($0)" } ?? "its key") by lease \(lease), size \(size), lifetime \(text(lifetime))\(notes)"
        case .renew(let lease, let lifetime, let notes): "renew by lease \(lease), lifetime \(text(lifetime))\(notes)"
        case .noteAbsence(let lease, let lifetime): "note an absence by lease \(lease), lifetime \(text(lifetime))"
        case .endLoad(let lease): "end the load of lease \(lease)"
        case .advance(let duration): "advance \(duration) ns"
        case .advanceToEnd(let place, let more): "advance to end \(place) and \(more) ns"
        case .maintain: "maintain"
        case .compareStatistics(let resets): "compare statistics\(resets ? " and reset them" : "")"
        case .audit: "audit"
        case .refuse(let kind): "refuse \(kind)"
        }
    }
}
