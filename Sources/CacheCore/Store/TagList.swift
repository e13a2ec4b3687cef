/// The tags of an entry: names by which it can be removed together with others.
package final class TagList: Sendable {
    /// Distinct names, in UTF-8.
    package let names: [[UInt8]]

    /// The most tags that an entry may have, and the most bytes of each.
    package static let mostTags = 64
    package static let mostNameBytes = 256

    /// - Parameter names: Names, some of which may be the same.
    /// - Returns: nil for no name.
    /// - Throws: ``CacheError/Code/invalidTag`` if a name is empty or too long, or there are too many.
    package static func make(_ names: some Sequence<[UInt8]>) throws(CacheError) -> TagList? {
        var distinct: [[UInt8]] = []
        for (place, name) in names.enumerated() {
            guard place < mostTags else {
                throw CacheError(.invalidTag, "an entry has more than \(mostTags) tags, which is the most")
            }
            try validate(name.count)
            if !distinct.contains(name) { distinct.append(name) }
        }
        return distinct.isEmpty ? nil : TagList(distinct)
    }

    /// - Throws: ``CacheError/Code/invalidTag`` if a name cannot have so many bytes.
    package static func validate(_ nameCount: Int) throws(CacheError) {
        guard (1...mostNameBytes).contains(nameCount) else {
            throw CacheError(.invalidTag, "a tag has \(nameCount) bytes; it must have 1 to \(mostNameBytes)")
        }
    }

    init(_ distinct: [[UInt8]]) { names = distinct }
}

extension TagList {
    static func make(_ names: [String]) throws(CacheError) -> TagList? {
        names.isEmpty ? nil : try make(names.map { Array($0.utf8) })
    }
}
