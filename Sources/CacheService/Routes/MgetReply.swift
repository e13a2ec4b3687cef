internal import CacheCore
internal import MicroHTTP

/// The answer of `/mget`: `{"values":{…},"missing":[…]}`, both in the order of the request.
///
/// A small answer is written at once. A large one is written while the client takes it, from the values that this holds
/// on to, so that it is never in memory as a whole beside them.
final class MgetReply: BodyProducer {
    private let keys: KeyBatch
    private let values: CachedValues
    private var next: Step = .value(0)
    private var isFirst = true

    private enum Step {
        case value(Int)
        case missing(Int)
        case end
    }

    /// The most bytes of values that are written at once.
    private static let largestAtOnce = 1 << 20
    private static let pieceBytes = 64 << 10

    init(keys: consuming KeyBatch, values: consuming CachedValues) {
        self.keys = keys
        self.values = values
    }

    var response: Response {
        let byteCount = values.byteCount
        guard byteCount <= Self.largestAtOnce else {
            var headers = HeaderFields()
            headers.add("Content-Type", "application/json")
            return Response(status: 200, headers: headers, body: .stream(self))
        }
        var body: [UInt8] = []
        body.reserveCapacity(byteCount + keys.byteCount * 2 + keys.count * 8 + 32)
        write(to: &body, upTo: .max)
        return .json(body)
    }

    func nextPiece() -> [UInt8]? {
        var piece: [UInt8] = []
        write(to: &piece, upTo: Self.pieceBytes)
        return piece.isEmpty ? nil : piece
    }

    /// Goes on writing until there are `limit` bytes or the answer is complete.
    private func write(to body: inout [UInt8], upTo limit: Int) {
        while body.count < limit {
            switch next {
            case .value(0) where isFirst && keys.count == 0:
                body.append("{\"values\":{},\"missing\":[]}\n")
                next = .end
            case .value(let place):
                if place == 0 { body.append("{\"values\":{") }
                writeValue(place, to: &body)
                if place + 1 < keys.count {
                    next = .value(place + 1)
                } else {
                    body.append("},\"missing\":[")
                    isFirst = true
                    next = .missing(0)
                }
            case .missing(let place):
                if !values.isPresent(place) { writeKey(place, to: &body) }
                if place + 1 < keys.count {
                    next = .missing(place + 1)
                } else {
                    body.append("]}\n")
                    next = .end
                }
            case .end:
                return
            }
        }
    }

    private func writeValue(_ place: Int, to body: inout [UInt8]) {
        guard values.isPresent(place) else { return }
        writeKey(place, to: &body)
        body.append(":")
        values.withUnsafeBytes(place) { body.append(contentsOf: $0) }
    }

    private func writeKey(_ place: Int, to body: inout [UInt8]) {
        if !isFirst { body.append(",") }
        isFirst = false
        keys.withKey(place) { key, _ in body.appendJSONString(key) }
    }
}
