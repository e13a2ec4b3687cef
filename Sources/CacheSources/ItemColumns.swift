internal import CacheCore

/// Which of the columns of a table, or of a query's rows, is what: `key`, `value` or `json`, and `ttl` if there is one.
struct ItemColumns: Equatable {
    let key: Int
    let value: Int
    /// Whether values are JSON already, whatever the type of the column: it is called `json`.
    let isJSON: Bool
    let ttl: Int?

    /// - Throws: ``CacheError`` if one is missing, or there twice.
    init(_ names: [String]) throws(CacheError) {
        func place(of name: String) throws(CacheError) -> Int? {
            guard let first = names.firstIndex(of: name) else { return nil }
            guard names.lastIndex(of: name) == first else {
                throw CacheError(.invalidBody, "there are two columns named \(name); there must be one")
            }
            return first
        }
        func missing(_ what: String) -> CacheError {
            let list = names.isEmpty ? "none" : names.prefix(10).map { shortText($0) }.joined(separator: ", ")
            return CacheError(
                .invalidBody,
                "there is no column named \(what); there must be key and value, and may be ttl (there are: \(list))")
        }
        guard let key = try place(of: "key") else { throw missing("key") }
        let value = try place(of: "value")
        let json = try place(of: "json")
        guard value == nil || json == nil else {
            throw CacheError(
                .invalidBody, "there is a column named value and one named json; there must be one of them")
        }
        guard let content = value ?? json else { throw missing("value") }
        self.key = key
        self.value = content
        isJSON = json != nil
        ttl = try place(of: "ttl")
    }

    /// Those of a query's rows.
    init(ofQuery names: [String]) throws(SourceFailure) {
        do throws(CacheError) {
            try self.init(names)
        } catch {
            throw SourceFailure("the query's rows cannot be used: \(error.message)")
        }
    }
}

extension CacheError {
    static func invalidTTL(_ text: UnsafeRawBufferPointer) -> CacheError {
        CacheError(
            .invalidTTL,
            "ttl is \(shortened(text)); it must be a number of seconds, at most "
                + "\(CacheConfiguration.maximumTTL.components.seconds)")
    }
}
