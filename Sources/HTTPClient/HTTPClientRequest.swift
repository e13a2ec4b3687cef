/// What is asked for: a GET of a URL.
public struct HTTPClientRequest: Sendable {
    /// An `http` or `https` URL, escaped as it is to be sent. A user and a password in it are sent as Basic authentication.
    public var url: String
    /// Header fields, in their order. Those beyond what every client sends, such as `Authorization` or a key of an API, go to the host
    /// and port of ``url`` alone: a redirect to another leaves them off.
    public var headers: [(name: String, value: String)]
    /// How long it may take: of ``HTTPClient/send(_:completion:)`` from the call to the end of the body, the wait for a connection
    /// included; of ``HTTPClient/stream(_:)`` until the head and then between two pieces, the reader's own pauses apart.
    public var timeout: Duration
    /// The most bytes that the body may have, decompressed. A stream, which holds little of it, has no bound.
    public var maxBodyBytes: Int
    /// How many redirects are followed; those beyond are an error. With 0 an answer that redirects is the answer. One from `https`
    /// to `http` is never followed.
    public var maxRedirects: Int
    /// Whether ``HTTPClient/send(_:completion:)`` lets the body come as zstd or gzip, and decompresses it. A stream's body comes as it
    /// is sent: whoever reads it knows how to continue a compressed one.
    public var acceptsCompression: Bool
    /// A file in PEM of the authorities that vouch for the server; nil for the system's. They are always asked.
    public var caFile: String?

    public init(
        url: String, headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(10),
        maxBodyBytes: Int = 8 << 20, maxRedirects: Int = 5, acceptsCompression: Bool = true, caFile: String? = nil
    ) {
        self.url = url
        self.headers = headers
        self.timeout = timeout
        self.maxBodyBytes = maxBodyBytes
        self.maxRedirects = maxRedirects
        self.acceptsCompression = acceptsCompression
        self.caFile = caFile
    }

    /// Fields that say nothing of who asks: they go along to another host.
    private static let harmless: Set<String> = [
        "accept", "accept-encoding", "accept-language", "cache-control", "if-match", "if-modified-since",
        "if-none-match",
        "if-range", "if-unmodified-since", "range", "user-agent",
    ]

    /// The header fields for a host that is not the one they were made for.
    var headersForOthers: [(name: String, value: String)] {
        headers.filter { Self.harmless.contains($0.name.lowercased()) }
    }

    /// - Throws: ``HTTPClientError`` if a header cannot be sent. Its message does not have the value, which may be secret.
    func validateHeaders() throws(HTTPClientError) {
        for header in headers {
            guard Self.isName(header.name) else {
                throw HTTPClientError(.invalidRequest, "a header's name is empty or has a character that no name has")
            }
            guard Self.isValue(header.value) else {
                throw HTTPClientError(.invalidRequest, "the value of \(header.name) has a line end or a NUL in it")
            }
        }
    }

    /// RFC 9110, section 5.1.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
    }
}
