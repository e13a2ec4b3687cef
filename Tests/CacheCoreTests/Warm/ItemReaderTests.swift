import Testing

@testable import CacheCore

@Suite struct ItemReaderTests {
    /// What was read: the key, the value's text, the time to live, and whether the expiry was past.
    struct Read: Equatable {
        var key: String
        var value: String
        var lifetime: Int64?
        var isExpired = false
    }

    private static let wallClock: Int64 = 1_700_000_000_000_000_000

    private func read(
        _ text: String, limits: EntryLimits = EntryLimits(maxKeyBytes: 10, maxValueBytes: 20),
        allowsExpiresAt: Bool = true
    ) throws -> Read {
        var reader = ItemReader(limits: limits, allowsExpiresAt: allowsExpiresAt)
        let cache = try ProductionCache(CacheConfiguration(clock: .manual(ManualClock())))
        return try cache.withParsed(Array(text.utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
            let item = try reader.read(document, document.root, defaultLifetime: 77, wallClock: Self.wallClock)
            return Read(
                key: String(decoding: reader.key, as: UTF8.self),
                value: String(decoding: document.source(of: item.value), as: UTF8.self),
                lifetime: item.lifetime, isExpired: item.isExpired)
        }
    }

    @Test(arguments: [
        (#"{"key":"k","value":1}"#, Read(key: "k", value: "1", lifetime: 77)),
        (#"{"value":[1],"key":"k"}"#, Read(key: "k", value: "[1]", lifetime: 77)),
        (#"{"key":"k","value":null}"#, Read(key: "k", value: "null", lifetime: 77)),
        (#"{"key":"k","value":1,"ttl":2}"#, Read(key: "k", value: "1", lifetime: 2_000_000_000)),
        (#"{"key":"k","value":1,"ttl":2.5e-1}"#, Read(key: "k", value: "1", lifetime: 250_000_000)),
        (#"{"key":"k","value":1,"ttl":1e-300}"#, Read(key: "k", value: "1", lifetime: 1)),
        (#"{"key":"k","value":1,"ttl":315360000}"#, Read(key: "k", value: "1", lifetime: 315_360_000_000_000_000)),
        (#"{"key":"k","value":1,"ttl":null}"#, Read(key: "k", value: "1", lifetime: 77)),
        (#"{"key":"k","value":1,"expires_at":null}"#, Read(key: "k", value: "1", lifetime: 77)),
        (#"{"key":"k","value":1,"expires_at":1700000001}"#, Read(key: "k", value: "1", lifetime: 1_000_000_000)),
        (#"{"key":"k","value":1,"expires_at":1700000000.5}"#, Read(key: "k", value: "1", lifetime: 500_000_000)),
        (#"{"key":"k","value":1,"expires_at":1700000000}"#, Read(key: "k", value: "1", lifetime: 0, isExpired: true)),
        (#"{"key":"k","value":1,"expires_at":0}"#, Read(key: "k", value: "1", lifetime: 0, isExpired: true)),
        (#"{"key":"k","value":1,"expires_at":-1e300}"#, Read(key: "k", value: "1", lifetime: 0, isExpired: true)),
        (
            #"{"key":"k","value":1,"expires_at":2015360000}"#,
            Read(key: "k", value: "1", lifetime: 315_360_000_000_000_000)
        ),
        // By a clock that is a minute ahead.
        (
            #"{"key":"k","value":1,"expires_at":2015360060}"#,
            Read(key: "k", value: "1", lifetime: 315_360_000_000_000_000)
        ),
        (#"{"\u006bey":"k","v\u0061lue":1}"#, Read(key: "k", value: "1", lifetime: 77)),
        (
            #"{"key":"\u0000\n\u00e9\ud83d\ude00","value":1}"#,
            Read(key: "\0\n\u{E9}\u{1F600}", value: "1", lifetime: 77)
        ),
        (
            #"{"key":"0123456789","value":"789012345678901234"}"#,
            Read(key: "0123456789", value: "\"789012345678901234\"", lifetime: 77)
        ),
        (
            #"{"key":"é23456789","value":[1,2,3,4,5,6,7,8,9 , 1]}"#,
            Read(key: "é23456789", value: "[1,2,3,4,5,6,7,8,9 , 1]", lifetime: 77)
        ),
        (#"{"key":"k","value":1,"ttl":2,"expires_at":null}"#, Read(key: "k", value: "1", lifetime: 2_000_000_000)),
        (
            #"{"key":"k","value":1,"ttl":null,"expires_at":1700000001}"#,
            Read(key: "k", value: "1", lifetime: 1_000_000_000)
        ),
        (#"{"key":"k","value":1,"ttl":null,"expires_at":null}"#, Read(key: "k", value: "1", lifetime: 77)),
    ])
    func reads(text: String, expected: Read) throws {
        let limits = EntryLimits(maxKeyBytes: 10, maxValueBytes: 21)
        #expect(try read(text, limits: limits) == expected)
    }

    @Test(arguments: [
        ("1", CacheError.Code.invalidBody), ("[]", .invalidBody), ("\"key\"", .invalidBody), ("null", .invalidBody),
        ("{}", .invalidBody), (#"{"key":"k"}"#, .invalidBody), (#"{"value":1}"#, .invalidBody),
        (#"{"key":1,"value":1}"#, .invalidBody), (#"{"key":null,"value":1}"#, .invalidBody),
        (#"{"key":["k"],"value":1}"#, .invalidBody), (#"{"key":"k","value":1,"extra":1}"#, .invalidBody),
        (#"{"key":"k","value":1,"TTL":1}"#, .invalidBody), (#"{"key":"k","value":1,"":1}"#, .invalidBody),
        (#"{"key":"","value":1}"#, .invalidKey), (#"{"key":"\ud800","value":1}"#, .invalidKey),
        (#"{"key":"a\udc00b","value":1}"#, .invalidKey), (#"{"key":"01234567890","value":1}"#, .keyTooLong),
        (#"{"key":"éééééé","value":1}"#, .keyTooLong), (#"{"key":"k","value":"0123456789012345678"}"#, .valueTooLarge),
        (#"{"key":"k","value":1,"ttl":0}"#, .invalidTTL), (#"{"key":"k","value":1,"ttl":-1}"#, .invalidTTL),
        (#"{"key":"k","value":1,"ttl":315360000.1}"#, .invalidTTL),
        (#"{"key":"k","value":1,"ttl":1e400}"#, .invalidTTL),
        (#"{"key":"k","value":1,"ttl":"5"}"#, .invalidTTL), (#"{"key":"k","value":1,"ttl":true}"#, .invalidTTL),
        (#"{"key":"k","value":1,"ttl":{}}"#, .invalidTTL), (#"{"key":"k","value":1,"expires_at":"5"}"#, .invalidTTL),
        (#"{"key":"k","value":1,"expires_at":1e400}"#, .invalidTTL),
        (#"{"key":"k","value":1,"expires_at":1e300}"#, .invalidTTL),
        (#"{"key":"k","value":1,"expires_at":2015360061}"#, .invalidTTL),
        (#"{"key":"k","value":1,"expires_at":1700000001,"ttl":1}"#, .invalidTTL),
        (#"{"key":"a","key":"b","value":1}"#, .invalidBody), (#"{"key":"a","value":1,"value":1}"#, .invalidBody),
        (#"{"key":"a","value":1,"ttl":null,"ttl":1}"#, .invalidBody),
        (#"{"key":"a","k\u0065y":"a","value":1}"#, .invalidBody),
        (#"{"key":"a","value":1,"expires_at":null,"expires_at":1700000001}"#, .invalidBody),
    ])
    func refuses(text: String, code: CacheError.Code) {
        let error = #expect(throws: CacheError.self) { try read(text) }
        #expect(error?.code == code, "\(error.map { "\($0)" } ?? "")")
        #expect(error?.message.isEmpty == false)
    }

    @Test func expiresAtIsAllowedWhereItIsToBe() {
        let text = #"{"key":"k","value":1,"expires_at":1700000001}"#
        let error = #expect(throws: CacheError.self) { try read(text, allowsExpiresAt: false) }
        #expect(error?.code == .invalidBody)
        #expect(error?.message.contains("expires_at") == true)
    }

    /// The value counts as it is stored: without insignificant white space.
    @Test func whiteSpaceDoesNotCount() throws {
        let text = #"{"key":"k","value":[ 1 , 2                    ]}"#
        #expect(try read(text, limits: EntryLimits(maxKeyBytes: 10, maxValueBytes: 5)).key == "k")
        #expect(throws: CacheError.self) { try read(text, limits: EntryLimits(maxKeyBytes: 10, maxValueBytes: 4)) }
    }

    /// After a refusal the key is the refused item's, or nothing: never that of the item before.
    @Test func theKeyIsNeverAnotherItems() throws {
        var reader = ItemReader(limits: .ofStore, allowsExpiresAt: true)
        let cache = try ProductionCache(capacity: 1)
        for (text, key) in [
            (#"{"key":"first","value":1}"#, "first"), (#"[]"#, ""), (#"{"key":"second","value":1,"ttl":-1}"#, "second"),
            (#"{"key":"\ud800","value":1}"#, ""), (#"{"value":1}"#, ""), (#"{"key":"third"}"#, "third"),
        ] {
            try cache.withParsed(Array(text.utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
                do throws(CacheError) {
                    _ = try reader.read(document, document.root, defaultLifetime: nil, wallClock: 0)
                } catch {}
            }
            #expect(String(decoding: reader.key, as: UTF8.self) == key, "\(text)")
        }
    }

    @Test func longTextsAreShortenedInMessages() {
        let text = Array(String(repeating: "é", count: 100).utf8)
        #expect(text.withUnsafeBytes { shortened($0) } == String(repeating: "é", count: 30) + "…")
        #expect(Array("short".utf8).withUnsafeBytes { shortened($0) } == "short")
    }
}

@Suite struct EntryLimitsTests {
    @Test func boundsAreInclusive() throws {
        let limits = EntryLimits(maxKeyBytes: 3, maxValueBytes: 5)
        for (count, code) in [(0, .invalidKey), (1, nil), (3, nil), (4, .keyTooLong)] as [(Int, CacheError.Code?)] {
            #expect(
                self.code { () throws(CacheError) in
                    try withBytes(of: [UInt8](repeating: 1, count: count)) { (key) throws(CacheError) in
                        try limits.validate(key: key)
                    }
                } == code)
        }
        for (count, code) in [(0, nil), (5, nil), (6, .valueTooLarge)] as [(Int, CacheError.Code?)] {
            #expect(self.code { () throws(CacheError) in try limits.validate(valueCount: count) } == code)
        }
    }

    private func code(_ body: () throws(CacheError) -> Void) -> CacheError.Code? {
        do throws(CacheError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }
}
