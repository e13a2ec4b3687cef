/// Keys that differ by a number, all of the same length.
struct NumberedKeys: Sendable {
    private let prefix: String
    private let digits: Int

    /// Named as redis-benchmark names its own; of 16 bytes.
    static let redisBenchmark = NumberedKeys(prefix: "key:", digits: 12)
    /// As long as those, and none of them.
    static let absent = NumberedKeys(prefix: "nil:", digits: 12)

    init(prefix: String, digits: Int) {
        self.prefix = prefix
        self.digits = digits
    }

    var byteCount: Int { prefix.utf8.count + digits }

    /// A new string each time, equal to the last one but not the same object.
    subscript(number: Int) -> String {
        let text = String(number)
        precondition(text.utf8.count <= digits, "\(number) has more than \(digits) digits")
        return prefix + String(repeating: "0", count: digits - text.utf8.count) + text
    }
}
