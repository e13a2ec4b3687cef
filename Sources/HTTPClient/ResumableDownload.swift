/// A body that is read to its end although the connection may be cut in its midst.
///
/// After a cut it is opened again. It goes on where it was if the server has told a strong entity tag and that it serves ranges
/// (RFC 9110, section 14), and has the same representation still; otherwise it begins anew. It blocks the thread that uses it.
public struct ResumableDownload: ~Copyable {
    private let client: HTTPClient
    private let request: HTTPClientRequest
    private let isCancelled: () -> Bool
    private var stream: HTTPClientStream?
    private var representation: Representation?
    /// Bytes of the body that have been read.
    private var position = 0
    /// The most that ``position`` has been at a cut.
    private var furthestCut = 0

    /// What of an answer tells whether another has the same bytes.
    private struct Representation {
        var tag: String
        var coding: String?
    }

    /// How the body goes on once it has been opened.
    public enum Opening: Sendable {
        /// From its beginning: what was read of it before is to be forgotten.
        case began(HTTPClientResponse)
        /// Where it was cut.
        case resumed
        /// Nothing is missing: the cut was behind the last byte.
        case ended
    }

    /// Why there is no more for now.
    public struct Interruption: Error, Sendable {
        public var error: HTTPClientError?
        /// The status, where that is what was wrong.
        public var status: Int?
        /// Whether it is worth trying again.
        public var isTransient: Bool
        /// How long the server would like to be left alone.
        public var retryAfter: Duration?
        /// Whether more of the body had come than ever before a cut: then the failures before it count no more.
        public var hasAdvanced = false

        /// What was wrong, for people.
        public var reason: String {
            if let error { return error.message }
            return "the server answers \(status ?? 0)"
        }
    }

    /// - Parameters:
    ///   - request: What to ask for. Its time-out is the longest silence; its `Range` and `If-Range` are made here.
    ///   - isCancelled: Asked several times a second whether to give up.
    public init(_ request: HTTPClientRequest, by client: HTTPClient, unless isCancelled: @escaping () -> Bool) {
        self.client = client
        self.request = request
        self.isCancelled = isCancelled
    }

    /// How many bytes of the body have been read.
    public var bytesDone: Int { position }

    /// Asks for the body, or for the rest of it.
    ///
    /// - Throws: ``Interruption``; it may be called again then.
    public mutating func open() throws(Interruption) -> Opening {
        stream = nil
        var request = request
        if let representation, position > 0 {
            request.headers.append((name: "Range", value: "bytes=\(position)-"))
            request.headers.append((name: "If-Range", value: representation.tag))
        }
        let stream: HTTPClientStream
        do throws(HTTPClientError) {
            stream = try client.stream(request, unless: isCancelled)
        } catch {
            throw interruption(error)
        }
        let head = stream.head
        switch head.status {
        case 200:
            self.stream = stream
            position = 0
            representation = Self.representation(head)
            return .began(head)
        case 206 where continues(head):
            self.stream = stream
            return .resumed
        case 416 where representation != nil && head.header("content-range") == "bytes */\(position)":
            return .ended
        case 206, 416:
            // Not what was asked for: from the beginning, then.
            representation = nil
            throw Interruption(status: head.status, isTransient: true)
        default:
            throw Interruption(
                status: head.status,
                isTransient: head.status >= 500 && head.status != 501 || [408, 425, 429].contains(head.status),
                retryAfter: Self.retryAfter(head))
        }
    }

    /// The next bytes, as they were sent; nil at the end.
    ///
    /// - Throws: ``Interruption``, after which it is to be opened again.
    public mutating func next() throws(Interruption) -> [UInt8]? {
        guard let stream else { return nil }
        do throws(HTTPClientError) {
            guard let piece = try stream.next(unless: isCancelled) else { return nil }
            position += piece.count
            return piece
        } catch {
            self.stream = nil
            var interruption = interruption(error)
            interruption.hasAdvanced = position > furthestCut
            furthestCut = max(furthestCut, position)
            throw interruption
        }
    }

    private func interruption(_ error: HTTPClientError) -> Interruption {
        let isTransient = [.connect, .resolve, .timeout, .reset, .resources].contains(error.code)
        return Interruption(error: error, isTransient: isTransient)
    }

    private static func representation(_ head: HTTPClientResponse) -> Representation? {
        guard let tag = head.header("etag"), tag.hasPrefix("\""), head.header("accept-ranges") == "bytes" else {
            return nil
        }
        return Representation(tag: tag, coding: head.header("content-encoding"))
    }

    /// Whether it is the rest of what has been read.
    private func continues(_ head: HTTPClientResponse) -> Bool {
        guard let representation, head.header("content-range")?.hasPrefix("bytes \(position)-") == true else {
            return false
        }
        return head.header("etag") == representation.tag && head.header("content-encoding") == representation.coding
    }

    /// The wait that `Retry-After` asks for in seconds; a date is passed over.
    private static func retryAfter(_ head: HTTPClientResponse) -> Duration? {
        guard let seconds = head.header("retry-after").flatMap({ Int($0) }), (0...86_400).contains(seconds) else {
            return nil
        }
        return .seconds(seconds)
    }
}
