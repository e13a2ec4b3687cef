import CacheCore
import FoundationEssentials

/// What holds for the JSON of all sections: no unknown keys, none twice, and messages that name the place.
enum SectionSyntax {
    /// The keys of an object are not known beforehand.
    struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The message of an error, which begins with the place in the section.
    static func describe(_ error: DecodingError, in section: String) -> String {
        let (context, reason): (DecodingError.Context, String) =
            switch error {
            case .keyNotFound(let key, let context): (context, "the key \(quoted(key.stringValue)) is missing")
            case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
                (context, "must be \(words(for: type))")
            case .dataCorrupted(let context): (context, context.debugDescription)
            @unknown default: (.init(codingPath: [], debugDescription: ""), "it cannot be read")
            }
        return "invalid \(place(context.codingPath, in: section)): \(reason)"
    }

    /// A place such as `sources.users.headers`.
    private static func place(_ path: [any CodingKey], in section: String) -> String {
        path.reduce(into: section) { place, key in
            place += key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
        }
    }

    private static func words(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any Numeric.Type: "a number"
        case is any Collection.Type: "\(type)".hasPrefix("Array") ? "an array" : "an object"
        default: "an object"
        }
    }

    /// Refuses an object with the same key twice, at any depth; the decoder would take one of them without a word.
    static func checkForTwins(_ json: [UInt8]) throws {
        let padded = json + [UInt8](repeating: 0, count: JSONDocument.padding)
        try padded.withUnsafeBytes { bytes in
            var document = JSONDocument()
            try document.parse(UnsafeRawBufferPointer(rebasing: bytes[..<json.count]))
            try checkForTwins(document, document.root, [])
        }
    }

    // Only as deep as the parser lets a document be.
    private static func checkForTwins(
        _ document: borrowing JSONDocument, _ node: JSONNode, _ path: [AnyKey]
    ) throws(DecodingError) {
        let kind = document.kind(of: node)
        guard kind == .object || kind == .array else { return }
        var names: Set<[UInt8]> = []
        var next = document.firstChild(of: node)
        while let child = next {
            guard kind == .object else {
                try checkForTwins(document, child, path)
                next = document.nextSibling(of: child)
                continue
            }
            var name: [UInt8] = []
            // Half of a surrogate pair is left to the decoder, which refuses it.
            _ = document.appendUnescaped(child, to: &name)
            let key = AnyKey(stringValue: String(decoding: name, as: UTF8.self))
            guard names.insert(name).inserted else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: path, debugDescription: "the key \(quoted(key.stringValue)) stands twice"))
            }
            guard let content = document.nextSibling(of: child) else { return }
            try checkForTwins(document, content, path + [key])
            next = document.nextSibling(of: content)
        }
    }
}

/// What may be written as its text alone, or as an object that says more.
enum TextOrObject<Key: CodingKey> {
    case text(String)
    case object(KeyedDecodingContainer<Key>)
}

extension Decoder {
    /// A text, or an object as ``strictContainer(keyedBy:)`` takes it.
    ///
    /// - Parameter requirement: What anything else is told that it must be.
    func textOrObject<Key: CodingKey & CaseIterable>(
        keyedBy type: Key.Type, otherwise requirement: String
    ) throws -> TextOrObject<Key> {
        if let text = try? singleValueContainer().decode(String.self) { return .text(text) }
        do {
            return .object(try strictContainer(keyedBy: type))
        } catch DecodingError.typeMismatch(_, let context) {
            throw DecodingError.dataCorrupted(
                .init(codingPath: context.codingPath, debugDescription: "must be \(requirement)"))
        }
    }

    /// As `container(keyedBy:)`, but an object with a key that is none of `Key` is refused, with the nearest one that is.
    func strictContainer<Key: CodingKey & CaseIterable>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        for key in try container(keyedBy: SectionSyntax.AnyKey.self).allKeys {
            guard Key(stringValue: key.stringValue) == nil else { continue }
            let nearest = key.stringValue.nearest(of: Key.allCases.map(\.stringValue))
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "unknown key \(quoted(key.stringValue)): did you mean \(quoted(nearest))?"))
        }
        return try container(keyedBy: type)
    }
}
