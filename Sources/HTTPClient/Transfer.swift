internal import CCurl

/// An exchange, redirects included: what was asked, what has come, and libcurl's handle while it has one.
///
/// Unsafe: the handle, the list of header lines and the text of an error. Invariants: the client's thread alone uses a transfer. What
/// it lends to the handle in ``attach(to:_:)``, itself included, lives until ``detach()`` has taken the handle's pointers to
/// it away; and who attached it keeps it alive until then.
final class Transfer {
    let id: UInt64
    let request: HTTPClientRequest
    let sink: TransferSink
    /// What it asks for at present.
    private(set) var target: TargetURL
    /// Where it is at work; nil while it waits.
    var originAtWork: String?
    /// The origin of the request's own URL.
    private let ownOrigin: String
    private let begin: ContinuousClock.Instant
    /// When a stream's last piece came.
    private var lastPiece: ContinuousClock.Instant
    private var isPaused = false
    private var redirects = 0

    private(set) var handle: UnsafeMutableRawPointer?
    private var headerLines: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    private var status = 0
    private var head = ReceivedHead()
    private var body: [UInt8] = []
    private var isRedirect = false
    private var passedOverBytes = 0
    /// Why it takes no more.
    private var refusal: HTTPClientError?

    /// The most bytes of a redirect's own body.
    private static let mostPassedOverBytes = 64 << 10

    init(_ id: UInt64, _ request: HTTPClientRequest, _ sink: TransferSink, at now: ContinuousClock.Instant)
        throws(HTTPClientError)
    {
        try request.validateHeaders()
        let target = try TargetURL(request.url)
        self.target = target
        self.id = id
        self.request = request
        self.sink = sink
        ownOrigin = target.origin
        begin = now
        lastPiece = now
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        precondition(handle == nil, "a transfer went away with its handle")
        errorText.deallocate()
    }

    // MARK: Time

    /// When it has taken too long; nil while the reader of a stream lets it wait.
    var deadline: ContinuousClock.Instant? {
        guard sink.isStream else { return begin + request.timeout }
        return isPaused ? nil : lastPiece + request.timeout
    }

    var timeoutError: HTTPClientError {
        let what =
            if handle == nil { "there was no connection free" } else if sink.isStream { "nothing came" } else {
                "there was no whole answer"
            }
        return HTTPClientError(.timeout, "\(target.origin): \(what) within \(request.timeout)")
    }

    // MARK: The handle

    /// Sets up a handle that is as new.
    ///
    /// - Throws: ``HTTPClientError`` if there is no memory, or the library lacks what is needed.
    func attach(
        to handle: UnsafeMutableRawPointer, _ configuration: HTTPClientConfiguration
    ) throws(HTTPClientError) {
        self.handle = handle
        let context = Unmanaged.passUnretained(self).toOpaque()
        var isWell = curl_set_text(handle, CURLOPT_URL, target.text) == CURLE_OK
        func set(_ option: CURLoption, _ number: Int) {
            isWell = isWell && curl_set_number(handle, option, number) == CURLE_OK
        }
        func set(_ option: CURLoption, _ text: String) {
            isWell = isWell && curl_set_text(handle, option, text) == CURLE_OK
        }
        func set(_ option: CURLoption, _ pointer: UnsafeMutableRawPointer) {
            isWell = isWell && curl_set_pointer(handle, option, pointer) == CURLE_OK
        }
        set(CURLOPT_PRIVATE, context)
        set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        set(CURLOPT_NOSIGNAL, 1)
        // A thread that still waits for a name server is left to itself, not waited for.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_PATH_AS_IS, 1)
        // Not even what the environment names.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_USERAGENT, configuration.userAgent)
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, configuration.connectTimeout.milliseconds))
        set(CURLOPT_MAXAGE_CONN, max(1, configuration.idleTimeout.milliseconds / 1000))
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let caFile = request.caFile { set(CURLOPT_CAINFO, caFile) }
        if sink.isStream {
            // A connection of its own: one that is paused would hold up the others that share it in HTTP/2.
            set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            set(CURLOPT_BUFFERSIZE, 128 << 10)
        } else {
            set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
            if request.acceptsCompression { set(CURLOPT_ACCEPT_ENCODING, "zstd, gzip") }
        }
        for header in target.origin == ownOrigin ? request.headers : request.headersForOthers {
            // The library takes a name with a colon and nothing behind it for one to leave off.
            let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
            guard let longer = curl_slist_append(headerLines, line) else {
                isWell = false
                break
            }
            headerLines = longer
        }
        if let headerLines { set(CURLOPT_HTTPHEADER, UnsafeMutableRawPointer(headerLines)) }
        set(CURLOPT_HEADERDATA, context)
        set(CURLOPT_WRITEDATA, context)
        isWell = isWell && curl_set_function(handle, CURLOPT_HEADERFUNCTION, receiveHeadLine) == CURLE_OK
        isWell = isWell && curl_set_function(handle, CURLOPT_WRITEFUNCTION, receiveBodyPiece) == CURLE_OK
        guard isWell else { throw HTTPClientError(.resources, "libcurl cannot be set up for a request") }
    }

    /// Takes the handle away, which must not be at work, and makes it as new.
    func detach() -> UnsafeMutableRawPointer? {
        guard let handle else { return nil }
        curl_easy_reset(handle)
        curl_slist_free_all(headerLines)
        headerLines = nil
        self.handle = nil
        return handle
    }

    /// Goes on with a stream whose reader has made room.
    func resume(at now: ContinuousClock.Instant) {
        guard isPaused, let handle else { return }
        isPaused = false
        lastPiece = now
        // It calls back with what it holds, which may pause again. Its status comes again as the transfer's.
        curl_easy_pause(handle, CURLPAUSE_CONT)
    }

    // MARK: What comes

    /// - Returns: Whether to go on.
    fileprivate func takeHeadLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let isLast = head.append(bytes)
        guard head.byteCount <= ReceivedHead.mostBytes else {
            return refuse(.tooLarge, "the header fields have more than \(ReceivedHead.mostBytes) bytes")
        }
        if sink.isStream { lastPiece = .now }
        guard isLast, let handle else { return true }
        status = Int(curl_status(handle))
        guard status >= 200 else { return true }
        head.isOver = true
        isRedirect =
            [301, 302, 303, 307, 308].contains(status) && request.maxRedirects > 0
            && response.header("location") != nil
        guard !isRedirect else { return true }
        switch sink {
        case .stream(let buffer): buffer.begin(response)
        case .whole:
            if ![204, 304].contains(status), let length = response.header("content-length").flatMap({ Int($0) }) {
                guard length <= request.maxBodyBytes else { return refuseBody() }
                body.reserveCapacity(max(0, length))
            }
        }
        return true
    }

    fileprivate enum Reception { case taken, refused, paused }

    fileprivate func takeBodyPiece(_ bytes: UnsafeRawBufferPointer) -> Reception {
        if isRedirect {
            passedOverBytes += bytes.count
            guard passedOverBytes <= Self.mostPassedOverBytes else {
                _ = refuse(.tooLarge, "the body of a redirect has more than \(Self.mostPassedOverBytes) bytes")
                return .refused
            }
            return .taken
        }
        switch sink {
        case .stream(let buffer):
            lastPiece = .now
            isPaused = !buffer.append(bytes)
            return isPaused ? .paused : .taken
        case .whole:
            guard bytes.count <= request.maxBodyBytes - body.count else {
                _ = refuseBody()
                return .refused
            }
            body += bytes
            return .taken
        }
    }

    private func refuseBody() -> Bool {
        refuse(.tooLarge, "the body has more than \(request.maxBodyBytes) bytes")
    }

    private func refuse(_ code: HTTPClientError.Code, _ message: String) -> Bool {
        refusal = HTTPClientError(code, "\(target.origin): \(message)")
        return false
    }

    // MARK: The end

    private var response: HTTPClientResponse {
        HTTPClientResponse(status: status, headers: head.headers, body: body)
    }

    enum End {
        case over(Result<HTTPClientResponse, HTTPClientError>)
        /// It goes on elsewhere, with another handle.
        case redirected
    }

    /// What is to become of it, now that the handle has ended its work.
    func end(_ result: CURLcode) -> End {
        if let refusal { return .over(.failure(refusal)) }
        guard result == CURLE_OK else {
            let text = errorText.pointee == 0 ? String(cString: curl_easy_strerror(result)) : String(cString: errorText)
            return .over(.failure(HTTPClientError(.of(result), "\(target.origin): \(text)")))
        }
        // A head that is cut is a whole answer to the library, once it has a status line.
        guard head.isOver else {
            return .over(
                .failure(HTTPClientError(.reset, "\(target.origin): the answer ended in the midst of its head")))
        }
        guard isRedirect else { return .over(.success(response)) }
        do throws(HTTPClientError) {
            try redirect()
            return .redirected
        } catch {
            return .over(.failure(error))
        }
    }

    private func redirect() throws(HTTPClientError) {
        guard redirects < request.maxRedirects else {
            throw HTTPClientError(.redirects, "\(target.origin): more than \(request.maxRedirects) redirects")
        }
        let next: TargetURL
        do throws(HTTPClientError) {
            next = try TargetURL(handle.flatMap { curl_redirect_target($0) }.map { String(cString: $0) } ?? "")
        } catch {
            throw HTTPClientError(.redirects, "\(target.origin): the redirect leads nowhere: \(error.message)")
        }
        guard next.isSecure || !target.isSecure else {
            throw HTTPClientError(.redirects, "\(target.origin): the redirect leads from https to http")
        }
        redirects += 1
        target = next
        status = 0
        head = ReceivedHead()
        body = []
        isRedirect = false
        passedOverBytes = 0
        errorText.pointee = 0
    }
}

extension HTTPClientError.Code {
    fileprivate static func of(_ result: CURLcode) -> Self {
        switch result {
        case CURLE_URL_MALFORMAT: .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve
        case CURLE_COULDNT_CONNECT: .connect
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            .tls
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT: .resources
        // HTTP/0.9, which is what all that is not HTTP looks like, counts as a protocol that is not supported.
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING, CURLE_HTTP2: .malformed
        case CURLE_FILESIZE_EXCEEDED: .tooLarge
        case CURLE_TOO_MANY_REDIRECTS: .redirects
        default: .reset
        }
    }
}

extension Duration {
    /// Rounded down, at most what a C `int` holds.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(min(max(0, seconds), 2_000_000)) * 1000 + Int(max(0, attoseconds) / 1_000_000_000_000_000)
    }
}

// MARK: What libcurl calls, on the client's thread, with the transfer that the handle was attached to

private func receiveHeadLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size &* count)
    return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeHeadLine(line)
        ? line.count : line.count &+ 1
}

private func receiveBodyPiece(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let piece = UnsafeRawBufferPointer(start: bytes, count: size &* count)
    return switch Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeBodyPiece(piece) {
    case .taken: piece.count
    // Any other number than the piece's is a refusal.
    case .refused: piece.count &+ 1
    case .paused: curl_pause_value()
    }
}
