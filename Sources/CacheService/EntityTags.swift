internal import CacheCore
internal import Compression
internal import MicroHTTP

/// Entity tags (RFC 9110, section 8.8.3): a strong tag is the digest of the value's bytes in base64url (RFC 4648), eleven characters
/// in quotes. Of the value in a content coding it is another, with the coding's name behind: `"…-gzip"`. All of them stand for the
/// value in conditions, so that these work across codings.
enum EntityTag {
    private static let characters = 11
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// 64 bits are ten characters of six bits, and one of the last four with two zeros behind.
    @inline(__always)
    fileprivate static func character(_ place: Int, of digest: UInt64) -> UInt8 {
        let bits = place < characters - 1 ? digest >> UInt64(58 - 6 * place) : digest << 2
        return alphabet.utf8Start[Int(bits & 63)]
    }

    /// The tag of a value in a coding.
    ///
    /// - Parameter tag: The tag of the value as it is.
    static func coded(_ tag: String, in format: CompressionFormat) -> String {
        "\(tag.dropLast())-\(format.rawValue)\""
    }

    /// What the text between the quotes of a tag stands for: a value's digest, and the coding, or nil for none; nil if it is none of
    /// ours.
    static func read(_ text: BorrowedBytes) -> (digest: UInt64, coding: CompressionFormat?)? {
        guard text.count > characters else { return digest(text).map { ($0, nil) } }
        guard let digest = digest(UnsafeRawBufferPointer(rebasing: text[..<characters])),
            let coding = CompressionFormat.allCases.first(where: {
                text.dropFirst(characters).elementsEqual("-\($0.rawValue)".utf8)
            })
        else { return nil }
        return (digest, coding)
    }

    private static func digest(_ text: BorrowedBytes) -> UInt64? {
        guard text.count == characters else { return nil }
        var digest: UInt64 = 0
        for (place, character) in text.enumerated() {
            guard let bits = value(of: character) else { return nil }
            if place < characters - 1 {
                digest = digest << 6 | bits
            } else {
                guard bits & 3 == 0 else { return nil }
                digest = digest << 4 | bits >> 2
            }
        }
        return digest
    }

    private static func value(of character: UInt8) -> UInt64? {
        let letter = character | 0x20
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return UInt64(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): return 62
        case UInt8(ascii: "_"): return 63
        case _ where letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"):
            return UInt64(letter - UInt8(ascii: "a")) + (letter == character ? 26 : 0)
        default: return nil
        }
    }
}

extension OutputSpan<UInt8> {
    /// Appends the strong entity tag of a digest.
    mutating func append(entityTag digest: UInt64) {
        append(UInt8(ascii: "\""))
        for place in 0..<11 { append(EntityTag.character(place, of: digest)) }
        append(UInt8(ascii: "\""))
    }
}

// MARK: Conditions

extension RequestReading {
    /// What `If-Match` and `If-None-Match` ask for; nil if the request has neither.
    static func condition(of head: RequestHead) throws(Problem) -> WriteCondition? {
        guard head.marks.contains(.conditions) else { return nil }
        return WriteCondition(
            match: try entries(of: head, "If-Match", "if-match", comparesWeakly: false),
            noneMatch: try entries(of: head, "If-None-Match", "if-none-match", comparesWeakly: true))
    }

    /// The coding of the tag in `If-None-Match` that stands for a digest; nil if there is none, or it is of the value as it is.
    static func codingOfNoneMatch(_ digest: UInt64, of head: RequestHead) -> CompressionFormat? {
        var found: CompressionFormat??
        head.forEachHeader("if-none-match") { field in
            _ = readTags(field) { tag, _ in
                if found == nil, let read = EntityTag.read(tag), read.digest == digest { found = read.coding }
            }
        }
        return found ?? nil
    }

    /// The codings of the tags in `If-None-Match`, by the digests that they stand for: for who answers later.
    static func codingsOfNoneMatch(_ head: RequestHead) -> [UInt64: CompressionFormat] {
        var codings: [UInt64: CompressionFormat] = [:]
        head.forEachHeader("if-none-match") { field in
            _ = readTags(field) { tag, _ in
                if let read = EntityTag.read(tag), let coding = read.coding { codings[read.digest] = coding }
            }
        }
        return codings
    }

    /// - Parameter comparesWeakly: Whether a weak tag stands for what the strong one does, or for nothing (RFC 9110, section 8.8.3.2).
    private static func entries(
        of head: RequestHead, _ name: StaticString, _ lowerCaseName: StaticString, comparesWeakly: Bool
    ) throws(Problem) -> WriteCondition.Entries? {
        var isThere = false
        var isAny = false
        var digests: [UInt64] = []
        var isBroken = false
        head.forEachHeader(lowerCaseName) { field in
            isThere = true
            if trimmed(field).equals("*") {
                isAny = true
            } else if !readTags(
                field,
                { tag, isWeak in
                    if !isWeak || comparesWeakly, let read = EntityTag.read(tag) { digests.append(read.digest) }
                })
            {
                isBroken = true
            }
        }
        guard !isBroken else {
            throw Problem(
                .invalidHeader,
                "\(name) is malformed; it must be * or entity tags in quotes, with commas between them")
        }
        guard isThere else { return nil }
        return isAny ? .any : .digests(digests)
    }

    /// Calls `visit` with what is between the quotes of each tag of a list, which may have empty elements.
    ///
    /// - Returns: False if it is no such list.
    private static func readTags(
        _ field: BorrowedBytes, _ visit: (_ tag: BorrowedBytes, _ isWeak: Bool) -> Void
    ) -> Bool {
        var rest = trimmed(field)
        while true {
            while rest.first == UInt8(ascii: ",") { rest = trimmed(rest.dropping(1)) }
            guard !rest.isEmpty else { return true }
            let isWeak = rest.starts(with: "W/")
            if isWeak { rest = rest.dropping(2) }
            guard rest.first == UInt8(ascii: "\"") else { return false }
            rest = rest.dropping(1)
            guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return false }
            let tag = UnsafeRawBufferPointer(rebasing: rest[..<end])
            guard tag.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return false }
            visit(tag, isWeak)
            rest = trimmed(rest.dropping(end + 1))
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return false }
        }
    }
}
