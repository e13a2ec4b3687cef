internal import CacheCore

/// One item's value on its way to JSON, in memory that is used again for the next.
struct ItemText {
    private(set) var bytes: [UInt8] = []

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// JSON, a number or a literal for one, as it is.
    mutating func append(raw text: UnsafeRawBufferPointer) { bytes += text }
    mutating func append(raw text: StaticString) { bytes.append(text) }

    /// A text as a JSON string.
    mutating func append(string text: UnsafeRawBufferPointer) { bytes.appendJSONString(text) }

    /// Bytes as a JSON string in base64 (RFC 4648, section 4).
    mutating func append(base64 data: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var place = 0
        while place < data.count {
            let left = min(3, data.count - place)
            var group: UInt32 = 0
            for index in 0..<3 { group = group << 8 | (index < left ? UInt32(data[place + index]) : 0) }
            for index in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * index)) & 63
                bytes.append(index <= left ? Self.digits[digit] : UInt8(ascii: "="))
            }
            place += 3
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Lends it with the padding behind it that the parser wants.
    mutating func withPadded<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let count = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: JSONDocument.padding))
        return try withBytes(of: bytes) { (padded) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: padded[..<count]))
        }
    }
}

extension ItemSink {
    /// Adds an item whose value is JSON; it is refused, and counted, if that is wrong or too large.
    ///
    /// - Parameters:
    ///   - text: The value. It is of no more use after this.
    ///   - ttl: How long it is to live.
    mutating func add(
        _ key: UnsafeRawBufferPointer, _ text: inout ItemText, ttl: ItemLifetime, _ document: inout JSONDocument
    ) {
        do throws(CacheError) {
            let lifetime: Int64?
            switch ttl {
            case .unsaid: lifetime = defaultLifetime
            case .none: lifetime = nil
            case .exact(let nanoseconds), .some(let nanoseconds): lifetime = nanoseconds
            case .past: return expire()
            }
            try limits.validate(key: key)
            try Self.checkUTF8(of: key)
            try text.withPadded { (json) throws(CacheError) in
                do throws(JSONSyntaxError) {
                    try document.parse(json)
                } catch {
                    throw CacheError(.invalidJSON, "the value is not JSON: \(error.description)")
                }
                try limits.validate(valueCount: document.minifiedCount(of: document.root))
                try add(key, document, document.root, lifetime: lifetime, isExact: ttl.isExact)
            }
        } catch {
            fail(error)
        }
    }
}

extension ItemSink {
    /// Whether a value can be one that has so many bytes as its source has it; else it is refused, and counted, before memory is taken for
    /// it.
    mutating func takes(sourceCount: Int, isJSON: Bool) -> Bool {
        let most = isJSON ? limits.maxSourceBytes : limits.maxValueBytes
        if sourceCount <= most { return true }
        fail(
            CacheError(
                .valueTooLarge,
                "the value has more than \(most) bytes at its source; it may have at most \(limits.maxValueBytes)"))
        return false
    }

    private static func checkUTF8(of key: UnsafeRawBufferPointer) throws(CacheError) {
        do {
            _ = try UTF8Span(validating: key.assumingMemoryBound(to: UInt8.self).span)
        } catch {
            throw CacheError(.invalidKey, "the key is not UTF-8")
        }
    }
}

/// How long an item is to live.
enum ItemLifetime: Equatable {
    /// The source does not say.
    case unsaid
    /// For ever.
    case none
    /// Nanoseconds, to be shortened by the cache's jitter.
    case some(Int64)
    /// Nanoseconds that are left of an entry elsewhere.
    case exact(Int64)
    /// It is over.
    case past

    var isExact: Bool { if case .exact = self { true } else { false } }

    /// From a number of seconds as text; nil if it is none, or more than an entry can live.
    init?(seconds text: UnsafeRawBufferPointer) {
        let text = text.drop { $0 == UInt8(ascii: " ") }
        guard let seconds = Double(String(decoding: text, as: UTF8.self)) else { return nil }
        self.init(seconds: seconds)
    }

    init?(seconds: Double) {
        guard !seconds.isNaN else { return nil }
        guard seconds > 0 else {
            self = .past
            return
        }
        guard let nanoseconds = TimeToLive.nanoseconds(seconds: seconds) else { return nil }
        self = .some(nanoseconds)
    }
}
