internal import CacheCore
internal import MicroHTTP

/// The answer of `/mget`: `{"values":{…},"missing":[…]}`, both in the order of the request.
///
/// A small answer is written at once. A large one is written while the client takes it, from the values that this holds
/// on to, so that it is never in memory as a whole beside them.
final class MgetReply: BodyProducer {
    private let keys: KeyBatch
    private let values: CachedValues
    private var part = Part.values
    /// The place of the next key of this part.
    private var place = 0
    private var isFirst = true

    private enum Part {
        case values, missing, end
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
        body.reserveCapacity(byteCount + keys.byteCount + keys.count * 4 + Self.slack)
        write(to: &body, upTo: .max)
        return .json(body)
    }

    /// Room for what stands around the keys, and for a key with escapes.
    private static let slack = 1 << 10

    func nextPiece() -> [UInt8]? {
        var piece: [UInt8] = []
        write(to: &piece, upTo: Self.pieceBytes)
        return piece.isEmpty ? nil : piece
    }

    /// Goes on writing until there are `limit` bytes or the answer is complete.
    private func write(to body: inout [UInt8], upTo limit: Int) {
        if part == .values {
            if place == 0 { body.append("{\"values\":{") }
            place = values.forEach(keys, from: place) { key, value in
                if let value { append(key, value, to: &body) }
                return body.count < limit
            }
            guard place == keys.count else { return }
            body.append("},\"missing\":[")
            part = .missing
            place = 0
            isFirst = true
        }
        if part == .missing {
            place = values.forEach(keys, from: place) { key, value in
                if value == nil { append(key, nil, to: &body) }
                return body.count < limit
            }
            guard place == keys.count else { return }
            body.append("]}\n")
            part = .end
        }
    }

    /// Appends a key, and the value behind it if there is one.
    private func append(_ key: BorrowedBytes, _ value: BorrowedBytes?, to body: inout [UInt8]) {
        let most = JSONText.maximumStringCount(of: key.count) + 2 + (value?.count ?? 0)
        body.append(addingCapacity: most) { text in
            if !isFirst { text.append(UInt8(ascii: ",")) }
            text.appendJSONString(key)
            guard let value else { return }
            text.append(UInt8(ascii: ":"))
            text.append(value)
        }
        isFirst = false
    }
}
