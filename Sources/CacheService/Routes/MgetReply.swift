internal import CacheCore
internal import MicroHTTP
internal import ReadThrough

/// The answer of `/mget`: `{"values":{…},"missing":[…]}`, both in the order of the request; with `errors` for those of the missing keys
/// that could not be loaded.
///
/// It is text with the values in it. Large values are not copied into that: they are sent from where they are, so that the answer is
/// never in memory as a whole beside them.
final class MgetReply {
    private let keys: KeyBatch
    private let values: CachedValues
    /// What was loaded besides, and what could not be, by the places of the keys.
    private let loaded: [Int: LoadedValue]
    private let failures: [Int: LoadFailure]
    private var text: [UInt8] = []
    /// Values that belong into the text, each before the byte at a place of it.
    private var gaps: [(place: Int, value: UnsafeRawBufferPointer)] = []
    /// The text, at an address that stays. Allocated by ``response``, freed in deinit.
    private var fixedText: UnsafeMutableRawBufferPointer?

    /// Values of at least so many bytes are not copied: below, a copy costs less than what the system does for one place more.
    private static let leastGap = 4096
    /// Room for what stands around the keys, and for a key with escapes.
    private static let slack = 1 << 10

    // `values` and `loaded` keep the values for as long as this lives.
    init(
        keys: consuming KeyBatch, values: consuming CachedValues, loaded: [Int: LoadedValue] = [:],
        failures: [Int: LoadFailure] = [:]
    ) {
        self.keys = keys
        self.values = values
        self.loaded = loaded
        self.failures = failures
    }

    deinit { fixedText?.deallocate() }

    /// To be asked for once.
    var response: Response {
        // Most values that there are: copied ones, so that the text does not grow.
        text.reserveCapacity(values.byteCount(below: Self.leastGap) + keys.byteCount + keys.count * 4 + Self.slack)
        write()
        guard !gaps.isEmpty else { return .json(text) }
        var headers = HeaderFields()
        headers.add("Content-Type", "application/json")
        return Response(status: 200, headers: headers, body: .gathered(gathered()))
    }

    private func write() {
        var isFirst = true
        text.append("{\"values\":{")
        forEach { key, value in
            if let value { append(key, value, &isFirst) }
        }
        text.append("},\"missing\":[")
        isFirst = true
        forEach { key, value in
            if value == nil { append(key, nil, &isFirst) }
        }
        text.append("]")
        if !failures.isEmpty { writeFailures() }
        text.append("}\n")
    }

    private func forEach(_ visit: (_ key: BorrowedBytes, _ value: BorrowedBytes?) -> Void) {
        guard !loaded.isEmpty else { return values.forEach(keys, visit) }
        var place = 0
        values.forEach(keys) { key, value in
            visit(key, value ?? loaded[place]?.bytes)
            place += 1
        }
    }

    private func writeFailures() {
        text.append(",\"errors\":[")
        for (index, (place, failure)) in failures.sorted(by: { $0.key < $1.key }).enumerated() {
            text.append(index == 0 ? "{\"key\":" : ",{\"key\":")
            keys.withKey(at: place) { text.appendJSONString($0) }
            text.append(",\"code\":")
            text.appendJSONString(failure.code.rawValue)
            text.append(",\"detail\":")
            text.appendJSONString(failure.detail)
            text.append("}")
        }
        text.append("]")
    }

    /// Appends a key, and the value behind it if there is one.
    private func append(_ key: BorrowedBytes, _ value: BorrowedBytes?, _ isFirst: inout Bool) {
        let inText = value.flatMap { $0.count < Self.leastGap ? $0 : nil }
        text.append(addingCapacity: JSONText.maximumStringCount(of: key.count) + 2 + (inText?.count ?? 0)) { text in
            if !isFirst { text.append(UInt8(ascii: ",")) }
            text.appendJSONString(key)
            guard value != nil else { return }
            text.append(UInt8(ascii: ":"))
            if let inText { text.append(inText) }
        }
        isFirst = false
        if let value, inText == nil { gaps.append((text.count, value)) }
    }

    private var loadedBytes: Int { loaded.values.reduce(0) { $0 + $1.bytes.count } }

    /// The text and the values in their order.
    private func gathered() -> GatheredBytes {
        let fixed = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
        fixed.copyBytes(from: text)
        fixedText = fixed
        text = []
        var pieces: [UnsafeRawBufferPointer] = []
        pieces.reserveCapacity(gaps.count * 2 + 1)
        var start = 0
        for (place, value) in gaps {
            pieces.append(UnsafeRawBufferPointer(rebasing: fixed[start..<place]))
            pieces.append(value)
            start = place
        }
        pieces.append(UnsafeRawBufferPointer(rebasing: fixed[start...]))
        return GatheredBytes(pieces, heldBytes: fixed.count + values.copiedBytes + loadedBytes, owner: self)
    }
}
