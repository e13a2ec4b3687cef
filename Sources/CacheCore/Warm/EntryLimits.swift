/// How large a key and a value may be where they come from outside.
package struct EntryLimits: Sendable {
    package var maxKeyBytes: Int
    package var maxValueBytes: Int
    /// What keys must begin with.
    package var keyPrefix: [UInt8]

    package init(maxKeyBytes: Int, maxValueBytes: Int, keyPrefix: [UInt8] = []) {
        self.maxKeyBytes = maxKeyBytes
        self.maxValueBytes = maxValueBytes
        self.keyPrefix = keyPrefix
    }

    /// What the store itself can take.
    package static let ofStore = EntryLimits(
        maxKeyBytes: Entry.maximumKeyCount, maxValueBytes: Entry.maximumValueCount)

    /// How many bytes JSON may have as its source has it, with white space, where ``maxValueBytes`` is for what is kept: PostgreSQL's
    /// `jsonb` alone puts a half of the rest between.
    package var maxSourceBytes: Int {
        let (double, overflow) = maxValueBytes.multipliedReportingOverflow(by: 2)
        return overflow ? .max : double
    }

    package func validate(key: UnsafeRawBufferPointer) throws(CacheError) {
        guard key.count > 0 else {
            throw CacheError(.invalidKey, "the key is empty; it must have 1 to \(maxKeyBytes) bytes")
        }
        guard key.count <= maxKeyBytes else {
            throw CacheError(.keyTooLong, "the key has \(key.count) bytes; it may have at most \(maxKeyBytes)")
        }
        if !keyPrefix.isEmpty { try validatePrefix(of: key) }
    }

    private func validatePrefix(of key: UnsafeRawBufferPointer) throws(CacheError) {
        guard key.starts(with: keyPrefix) else {
            throw CacheError(
                .forbidden,
                "the key \(shortened(key)) is not for this token; its keys begin with "
                    + keyPrefix.withUnsafeBytes { shortened($0) })
        }
    }

    package func validate(valueCount: Int) throws(CacheError) {
        guard valueCount <= maxValueBytes else {
            throw CacheError(
                .valueTooLarge, "the value has \(valueCount) bytes; it may have at most \(maxValueBytes)")
        }
    }
}
