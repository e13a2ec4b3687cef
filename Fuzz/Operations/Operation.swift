/// What is done to the cache: four bytes of an input each, so that one which goes in or out leaves the others as they are.
enum Operation: CustomStringConvertible {
    /// By which of the methods that do the same; a number from 0 to 3.
    typealias Face = Int

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
    case put(Int, size: Int, lifetime: Int64?, Face)
    case putRun(Keys, size: Int, lifetime: Int64?)
    case putBatch(Keys, size: Int, lifetime: Int64?, Face)
    case delete(Int)
    case deleteBatch(Keys)
    case deletePrefix(String)
    case listPage(limit: Int, prefix: String)
    case export(prefix: String, byteCount: Int)
    case lend(Int)
    case endLending(Int)
    case advance(Int64)
    case maintain
    case compareStatistics(resets: Bool)
    case audit
    case refuse(Int)

    init(_ input: inout OperationInput) {
        let (code, a, b, c) = (input.next(), input.next(), input.next(), input.next())
        let run = Keys(first: a, count: b % 64 + 1, stride: c % 8)
        let prefix = c % 8 < 4 ? OperationKeys.prefixes[c % 4] : ""
        self =
            switch code % 64 {
            case ..<7: .get(a, b % 4)
            case 7: .traffic(seed: a, 16 + b * 4, keys: c + 1)
            case ..<11: .getRun(Keys(first: a, count: b + 1, stride: c % 8))
            case ..<15: .getBatch(run, c >> 6)
            case ..<26: .put(a, size: b, lifetime: OperationTimes.lifetime(c), c >> 6)
            case ..<31: .putRun(Keys(first: a, count: b % 64 + 1, stride: 1 + b >> 6), size: c, lifetime: nil)
            case ..<34:
                .putRun(
                    Keys(first: a, count: b % 64 + 1, stride: 1), size: a ^ b, lifetime: OperationTimes.lifetime(c))
            case ..<37:
                .putBatch(Keys(first: a, count: b % 32 + 1, stride: b >> 5), size: c, lifetime: nil, c % 4)
            case ..<41:
                .putBatch(
                    Keys(first: a, count: b % 32 + 1, stride: b >> 5), size: a ^ b,
                    lifetime: OperationTimes.lifetime(c), c >> 6)
            case ..<44: .delete(a)
            case ..<46: .deleteBatch(run)
            case 46: .deletePrefix(a < 192 ? OperationKeys.prefixes[a % 4] : "")
            case ..<49: .listPage(limit: b % 48 + 1, prefix: prefix)
            case 49: .export(prefix: prefix, byteCount: b * 16)
            case ..<52: .lend(a)
            case 52: .endLending(a)
            case ..<57: .advance(OperationTimes.time(a))
            case ..<59: .maintain
            case ..<61: .compareStatistics(resets: a % 4 == 0)
            case 61: .audit
            default: .refuse(a)
            }
    }

    var description: String {
        func text(_ lifetime: Int64?) -> String { lifetime.map { "\($0) ns" } ?? "default" }
        return switch self {
        case .get(let key, let face): "get \(key) (face \(face))"
        case .getRun(let keys): "get \(keys)"
        case .getBatch(let keys, let face): "get at once \(keys) (face \(face))"
        case .traffic(let seed, let count, let keys): "\(count) reads of \(keys) keys, seed \(seed)"
        case .put(let key, let size, let lifetime, let face):
            "put \(key), size \(size), lifetime \(text(lifetime)) (face \(face))"
        case .putRun(let keys, let size, let lifetime): "put \(keys), size \(size), lifetime \(text(lifetime))"
        case .putBatch(let keys, let size, let lifetime, let face):
            "put at once \(keys), sizes from \(size), lifetime \(text(lifetime)) (face \(face))"
        case .delete(let key): "delete \(key)"
        case .deleteBatch(let keys): "delete at once \(keys)"
        case .deletePrefix(let prefix): "delete all of \(prefix.debugDescription)"
        case .listPage(let limit, let prefix): "list \(limit) of \(prefix.debugDescription)"
        case .export(let prefix, let count): "export \(prefix.debugDescription) by \(count) bytes"
        case .lend(let key): "lend \(key)"
        case .endLending(let number): "end lending \(number)"
        case .advance(let duration): "advance \(duration) ns"
        case .maintain: "maintain"
        case .compareStatistics(let resets): "compare statistics\(resets ? " and reset them" : "")"
        case .audit: "audit"
        case .refuse(let kind): "refuse \(kind)"
        }
    }
}
