/// What is to be known of an entry besides its value: from a byte.
struct OperationNotes: CustomStringConvertible {
    var tags: [Int] = []
    /// How long it is kept past its expiry.
    var retention: Int64 = 0
    /// What its origin calls it: so many bytes; nil for nothing.
    var validator: Int?

    static let none = OperationNotes()

    private init() {}

    /// - Parameter code: Small for none, as of most entries.
    init(_ code: Int) {
        guard code >= 96 else { return }
        tags = Self.tagLists[code % 8]
        let time = code / 8 - 12
        guard time >= 6 else { return }
        retention = OperationTimes.time(time - 6)
        validator = Self.validators[code % 4]
    }

    private static let tagLists = [[], [0], [1], [2, 0], [], [3], [1, 4, 2], [5, 4, 3, 2, 1, 0]]
    private static let validators = [nil, 1, 90, LoadNotes.mostValidatorBytes]

    // MARK: As the cache has them

    static let tagNames: [[UInt8]] =
        ["0", "1", "тег", String(repeating: "t", count: TagList.mostNameBytes), "0/1", "/"].map { Array($0.utf8) }

    /// Of the tags.
    var names: [[UInt8]] { tags.map { Self.tagNames[$0] } }

    /// Nil for none.
    var note: LoadNote? { retention == 0 ? nil : Self.note(retention: retention) }

    static func note(retention: Int64) -> LoadNote {
        LoadNote(
            staleWhileRevalidate: retention / 3, staleIfError: retention / 2, retention: retention,
            loadDuration: retention / 4)
    }

    static func validatorBytes(_ validator: Int?) -> [UInt8]? { validator.map { [UInt8](repeating: 7, count: $0) } }

    /// How many bytes are to be had for them at most.
    var footprint: Int {
        let tags = names.isEmpty ? 0 : TagIndex.footprint(of: TagList(names))
        return tags + (note == nil ? 0 : LoadNotes.footprint(validator: Self.validatorBytes(validator)))
    }

    var description: String {
        guard !tags.isEmpty || retention > 0 else { return "" }
        let validator = validator.map { ", validator of \($0) bytes" } ?? ""
        return ", tags \(tags), kept \(retention) ns past its expiry\(validator)"
    }
}
