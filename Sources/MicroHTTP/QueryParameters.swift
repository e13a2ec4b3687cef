/// The parameters of a query as forms write them (`application/x-www-form-urlencoded`), in their order: names and values are
/// still percent-encoded, with a `+` for a space. A parameter without `=` has an empty value.
///
/// - Complexity: A pass allocates nothing and reads each byte of the query a few times.
public struct QueryParameters: Sequence, IteratorProtocol {
    private var rest: BorrowedBytes

    /// - Parameter query: The query, without the `?`.
    public init(_ query: BorrowedBytes) { rest = query }

    public mutating func next() -> (name: BorrowedBytes, value: BorrowedBytes)? {
        while !rest.isEmpty {
            let (parameter, others) = Self.halves(rest, at: UInt8(ascii: "&"))
            rest = others
            if !parameter.isEmpty { return Self.halves(parameter, at: UInt8(ascii: "=")) }
        }
        return nil
    }

    /// What stands before the first `separator` and what behind it.
    private static func halves(_ text: BorrowedBytes, at separator: UInt8) -> (BorrowedBytes, BorrowedBytes) {
        let end = text.firstIndex(of: separator) ?? text.count
        return (
            UnsafeRawBufferPointer(rebasing: text[..<end]), text.dropping(Swift.min(end + 1, text.count))
        )
    }
}
