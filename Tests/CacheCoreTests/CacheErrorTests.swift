import Testing

@testable import CacheCore

@Suite struct CacheErrorTests {
    @Test func isDescribedByItsCodeAndMessage() {
        let error = CacheError(.invalidKey, "the key is empty")
        #expect("\(error)" == "invalid_key: the key is empty")
        #expect(error == CacheError(.invalidKey, "the key is empty"))
        #expect(error != CacheError(.keyTooLong, "the key is empty"))
    }

    /// The slugs are part of the service's contract.
    @Test func codesAreStable() {
        let codes: [(CacheError.Code, String)] = [
            (.invalidKey, "invalid_key"), (.keyTooLong, "key_too_long"), (.valueTooLarge, "value_too_large"),
            (.invalidJSON, "invalid_json"), (.invalidTTL, "invalid_ttl"),
            (.insufficientStorage, "insufficient_storage"),
            (.invalidConfiguration, "invalid_configuration"), (.unreadableSource, "unreadable_source"),
            (.invalidCursor, "invalid_cursor"),
            (.invalidBody, "invalid_body"),
        ]
        for (code, slug) in codes {
            #expect(code.rawValue == slug)
            #expect(CacheError.Code(rawValue: slug) == code)
        }
        #expect(Set(codes.map(\.0)).count == codes.count)
    }
}
