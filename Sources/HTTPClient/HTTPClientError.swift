/// Why there is no answer.
///
/// Compare ``code``, not the text: codes are stable, messages are for people. A message has the server's scheme, host and port; never
/// the rest of a URL or a header, which may be secret.
public struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: RawRepresentable, Sendable, Hashable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The URL is none, or neither of `http` nor of `https`.
        public static let invalidURL = Code(rawValue: "invalid_url")
        /// A header cannot be sent.
        public static let invalidRequest = Code(rawValue: "invalid_request")
        /// The client's configuration is out of range.
        public static let invalidConfiguration = Code(rawValue: "invalid_configuration")
        /// The host's name has no address.
        public static let resolve = Code(rawValue: "resolve")
        /// There is no connection to the host.
        public static let connect = Code(rawValue: "connect")
        /// TLS failed: the certificate is not vouched for or is another host's, or the other side does not speak TLS.
        public static let tls = Code(rawValue: "tls")
        /// It took longer than it may.
        public static let timeout = Code(rawValue: "timeout")
        /// The head or the body is larger than it may be.
        public static let tooLarge = Code(rawValue: "too_large")
        /// There were more redirects than are followed, or one to where none may lead.
        public static let redirects = Code(rawValue: "redirects")
        /// The connection ended or broke before the answer was whole.
        public static let reset = Code(rawValue: "reset")
        /// What came is not HTTP, or not of the coding that it says.
        public static let malformed = Code(rawValue: "malformed")
        /// It was cancelled, or the client was stopped.
        public static let cancelled = Code(rawValue: "cancelled")
        /// There is no memory or thread for it.
        public static let resources = Code(rawValue: "resources")
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
