/// What a server has answered.
public struct HTTPClientResponse: Sendable {
    public var status: Int
    /// The header fields in their order, names in lower case, values without the space around them.
    public var headers: [(name: String, value: String)]
    /// The content, decompressed; of a stream empty.
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The value of a header; several of the name are joined by commas, as RFC 9110 (section 5.3) has it. nil if there is none.
    ///
    /// - Parameter name: In lower case.
    public func header(_ name: String) -> String? {
        var joined: String?
        for header in headers where header.name == name {
            joined = joined.map { "\($0), \(header.value)" } ?? header.value
        }
        return joined
    }
}
