/// A part of the configuration file that is no setting, but JSON of its own kind: nothing else can give it.
struct Section<Content: Decodable & Sendable>: Sendable {
    /// The member of the file's object.
    let key: String
}

/// Every section of the configuration file: the one table.
enum Sections {
    /// What the cache is filled from, by the names that clients and the log have for it.
    static let sources = Section<[String: SourceSection]>(key: "sources")

    /// Where missing values come from, by what their keys begin with.
    static let origins = Section<[OriginSection]>(key: "origins")

    /// The keys of those that a file may have.
    static let keys = [sources.key, origins.key]
}
