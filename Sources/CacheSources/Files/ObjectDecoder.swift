internal import CacheCore

/// Reads one JSON object of keys and values, of any length, member by member: at most one of them is held.
///
/// A member that is no JSON, or too large, is counted as failed, and the next is read; an object that ends in the midst, or is none, cannot be
/// read.
struct ObjectDecoder: ItemDecoder {
    private enum State {
        case beforeObject, inMember, afterObject
    }

    private var state = State.beforeObject
    /// The member so far, with a brace before it.
    private var member: [UInt8] = [UInt8(ascii: "{")]
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var isTooLong = false
    private var hasComma = false
    private let maxMemberBytes: Int
    private let limits: EntryLimits

    init(limits: EntryLimits) {
        self.limits = limits
        let (sum, overflow) = (limits.maxKeyBytes * 6 + 4096).addingReportingOverflow(limits.maxValueBytes)
        maxMemberBytes = overflow ? .max : sum
    }

    mutating func consume(_ piece: UnsafeRawBufferPointer, into sink: inout ItemSink) throws(CacheError) {
        var start = 0
        for place in piece.indices {
            let byte = piece[place]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch (state, byte) {
            case (.inMember, UInt8(ascii: "\"")): isInString = true
            case (.inMember, UInt8(ascii: "{")), (.inMember, UInt8(ascii: "[")): depth += 1
            case (.inMember, UInt8(ascii: "]")) where depth > 0: depth -= 1
            case (.inMember, UInt8(ascii: "}")) where depth > 0: depth -= 1
            case (.inMember, UInt8(ascii: "}")) where depth == 0, (.inMember, UInt8(ascii: ",")) where depth == 0:
                keep(UnsafeRawBufferPointer(rebasing: piece[start..<place]))
                start = place + 1
                endMember(byte, into: &sink)
            case (.inMember, _): break
            case (.beforeObject, UInt8(ascii: "{")):
                state = .inMember
                start = place + 1
            case (_, UInt8(ascii: " ")), (_, UInt8(ascii: "\t")), (_, UInt8(ascii: "\r")), (_, UInt8(ascii: "\n")):
                break
            case (.beforeObject, _):
                throw CacheError(.invalidJSON, "it must be a JSON object of keys and values, and begins otherwise")
            case (.afterObject, _):
                throw CacheError(.invalidJSON, "there is more behind the object of keys and values")
            }
        }
        if state == .inMember { keep(UnsafeRawBufferPointer(rebasing: piece[start...])) }
    }

    mutating func finish(into sink: inout ItemSink) throws(CacheError) {
        guard state == .afterObject else {
            throw CacheError(
                .invalidJSON,
                state == .beforeObject
                    ? "it is empty; it must be a JSON object of keys and values" : "it ends in the midst of the object")
        }
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        guard !isTooLong else { return }
        guard member.count + bytes.count <= maxMemberBytes else {
            isTooLong = true
            return member.removeSubrange(1...)
        }
        member += bytes
    }

    private mutating func endMember(_ end: UInt8, into sink: inout ItemSink) {
        defer {
            member.removeSubrange(1...)
            isTooLong = false
            hasComma = end == UInt8(ascii: ",")
            if end == UInt8(ascii: "}") { state = .afterObject }
        }
        let isBlank = member.dropFirst().allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
        if isBlank, !isTooLong, end == UInt8(ascii: "}"), !hasComma { return }
        sink.number += 1
        if isTooLong {
            return sink.fail(
                CacheError(
                    .valueTooLarge,
                    "the member is longer than a key of \(limits.maxKeyBytes) bytes and a value of \(limits.maxValueBytes) bytes need"
                ))
        }
        member.append(UInt8(ascii: "}"))
        let count = member.count
        member.append(contentsOf: repeatElement(0, count: JSONDocument.padding))
        do throws(CacheError) {
            try withBytes(of: member) { (bytes) throws(CacheError) in
                try Self.add(UnsafeRawBufferPointer(rebasing: bytes[..<count]), limits, into: &sink)
            }
        } catch {
            sink.fail(error)
        }
        if sink.isFull { sink.putIn() }
    }

    /// Adds the one member of an object.
    private static func add(
        _ object: UnsafeRawBufferPointer, _ limits: EntryLimits, into sink: inout ItemSink
    ) throws(CacheError) {
        try JSONDocumentPool.withDocument { (document) throws(CacheError) in
            do throws(JSONSyntaxError) {
                try document.parse(object)
            } catch {
                throw CacheError(.invalidJSON, "the member is not JSON: \(error.reason)")
            }
            guard let name = document.firstChild(of: document.root), let value = document.nextSibling(of: name) else {
                throw CacheError(.invalidJSON, "the object has a comma too many")
            }
            var key: [UInt8] = []
            guard document.appendUnescaped(name, to: &key) else {
                throw CacheError(.invalidKey, "the key holds half of a surrogate pair, which is no character")
            }
            try withBytes(of: key) { (key) throws(CacheError) in
                try limits.validate(key: key)
                try limits.validate(valueCount: document.minifiedCount(of: value))
                try sink.add(key, document, value, lifetime: sink.defaultLifetime)
            }
        }
    }
}
