#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension CacheModel {
    typealias Value = OperationValue
}

/// A value, and what its text is.
indirect enum OperationValue: Equatable {
    /// Letters that follow from a number, unlike each other from one end to the other; the text has so many bytes, 2 at least.
    case string(Int, count: Int)
    case integer(Int64)
    /// Members with distinct names, in their order.
    case object([Member])
    /// What a patch removes a member with.
    case null

    struct Member: Equatable {
        /// A place in `names`.
        let name: Int
        /// Whether the name is written with an escape.
        let isEscaped: Bool
        var value: OperationValue
    }

    /// A value of so many bytes: the shortest is a digit, the others are strings.
    init(_ number: Int, count: Int) {
        self = count == 1 ? .integer(Int64(number % 10)) : .string(number, count: count)
    }

    static let longest = 100_000

    // MARK: Its text

    /// How many bytes its text has.
    var count: Int {
        if case .string(_, let count) = self { count } else { text.count }
    }

    var text: [UInt8] {
        var text: [UInt8] = []
        append(to: &text)
        return text
    }

    func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard case .string(let number, let count) = self else { return bytes.elementsEqual(text) }
        guard bytes.count == count, bytes[0] == UInt8(ascii: "\""), bytes[count - 1] == UInt8(ascii: "\"") else {
            return false
        }
        return Self.letters.withUnsafeBytes {
            memcmp($0.baseAddress! + Self.start(number), bytes.baseAddress! + 1, count - 2) == 0
        }
    }

    var digest: UInt64 { text.withUnsafeBytes { contentDigest($0) } }

    private func append(to text: inout [UInt8]) {
        switch self {
        case .string(let number, let count):
            text.append(UInt8(ascii: "\""))
            text.append(contentsOf: Self.letters[Self.start(number)..<Self.start(number) + count - 2])
            text.append(UInt8(ascii: "\""))
        case .integer(let integer): text.append(contentsOf: "\(integer)".utf8)
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (place, member) in members.enumerated() {
                let (plain, escaped) = Self.names[member.name]
                text.append(contentsOf: "\(place == 0 ? "" : ",")\"\(member.isEscaped ? escaped : plain)\":".utf8)
                member.value.append(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        case .null: text.append(contentsOf: "null".utf8)
        }
    }

    /// The names of members, and how they are written with escapes.
    private static let names = [
        ("a", "\\u0061"), ("b", "\\u0062"), ("ab", "a\\u0062"), ("", ""), ("ключ", "\\u043aлюч"), ("/", "\\/"),
    ]

    private static func start(_ number: Int) -> Int { number * 61 % starts }

    private static let starts = 4093
    private static let letters: [UInt8] = {
        var state: UInt32 = 2_463_534_242
        return (0..<longest + starts).map { _ in UInt8(ascii: "a") + UInt8(next(&state) >> 8 & 15) }
    }()

    private static func next(_ state: inout UInt32) -> UInt32 {
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return state
    }

    // MARK: Patches

    /// A patch from a byte: an object most often.
    static func patch(_ code: Int, number: Int) -> Self {
        var state = UInt32(code) &* 2_654_435_761 | 1
        return code % 16 == 0 ? Self(number, count: 1 + code / 8) : object(&state, number: number, depth: 0)
    }

    private static func object(_ state: inout UInt32, number: Int, depth: Int) -> Self {
        var members: [Member] = []
        for name in names.indices where next(&state) >> 9 & 3 == 0 {
            let isEscaped = next(&state) >> 7 & 1 == 1
            let value: Self =
                switch next(&state) >> 11 & 7 {
                case 0...2: .null
                case 3: .integer(Int64(number))
                case 4: .string(number, count: 2 + Int(next(&state) >> 5 & 2047))
                case _ where depth < 2: object(&state, number: number, depth: depth + 1)
                default: .string(number, count: 2)
                }
            members.append(Member(name: name, isEscaped: isEscaped, value: value))
        }
        // Not always in the same order.
        return .object(next(&state) >> 8 & 1 == 0 ? members : members.reversed())
    }

    /// What becomes of it with a patch (RFC 7396, section 2).
    func merged(with patch: Self) -> Self {
        guard case .object(let changes) = patch else { return patch }
        var members: [Member] = []
        if case .object(let own) = self { members = own }
        for change in changes {
            let place = members.firstIndex { $0.name == change.name }
            switch (place, change.value) {
            case (let place?, .null): members.remove(at: place)
            case (nil, .null): break
            case (let place?, let value): members[place].value = members[place].value.merged(with: value)
            case (nil, let value):
                members.append(
                    Member(name: change.name, isEscaped: change.isEscaped, value: Self.null.merged(with: value)))
            }
        }
        return .object(members)
    }
}
