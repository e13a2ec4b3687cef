internal import CMicroHTTPD
internal import Glibc

/// What one thread of the server has for itself, so that it shares no cache line with the others: what it answers with,
/// counts, and writes as date.
final class Worker: @unchecked Sendable {
    // Sendable: all but what is said to be unchecked may be used by any thread; these are used by the daemon's thread alone.
    let dispatcher: Dispatcher
    let traffic = Traffic()
    let limits: ConnectionLimits
    @exclusivity(unchecked) var refusedConnections = RefusedConnections()
    /// How many of them may stay until they have seen why.
    let mostRefused: Int
    let headBounds: HeadBounds
    /// The requests whose responses are still to be made.
    let waiting = WaitingRequests()
    /// nil if no request is too slow.
    let watch: ConnectionWatch?
    /// nil for plain HTTP.
    let tls: (server: ServerTLS, handshakes: WaitingHandshakes)?
    /// Bytes that the bodies take that are being received, and large answers, and how many they may take.
    @exclusivity(unchecked) var bodyBytes = 0
    let mostBodyBytes: Int
    @exclusivity(unchecked) private var date = HTTPDate()
    /// nil if requests are not logged.
    let accessLog: AccessLogLines?
    /// The same: nothing is retained for a request.
    let lines: Unmanaged<AccessLogLines>?

    init(
        _ dispatcher: Dispatcher, limits: ConnectionLimits, mostRefused: Int, watch: ConnectionWatch?,
        tls: (server: ServerTLS, handshakes: WaitingHandshakes)?, headBounds: HeadBounds, mostBodyBytes: Int,
        accessLog: AccessLogLines?
    ) {
        self.limits = limits
        self.mostRefused = mostRefused
        self.headBounds = headBounds
        self.tls = tls
        self.accessLog = accessLog
        lines = accessLog.map { Unmanaged.passUnretained($0) }
        self.mostBodyBytes = mostBodyBytes
        self.dispatcher = dispatcher
        self.watch = watch
    }

    /// Whether there is room for `count` more bytes of a body that takes `own` already. Who is alone has room: the handler bounds each.
    func hasRoom(_ count: Int, own: Int = 0) -> Bool { bodyBytes == own || bodyBytes + count <= mostBodyBytes }

    /// The present date, valid until the next call. For the daemon's thread alone.
    var currentDate: UnsafePointer<CChar> { date.string(at: time(nil)) }
}

/// What a handler does, without its type: C's callbacks cannot be generic.
final class Dispatcher: Sendable {
    let admit: @Sendable (RequestHead) -> Admission
    let refuse: @Sendable (RequestHead, Int) -> Response
    let refuseOverload: @Sendable (RequestHead) -> Response
    let refuseConnection: @Sendable (ConnectionRefusal) -> Response
    let refuseHead: @Sendable (HeadError) -> Response
    let respond: @Sendable (Request) -> Reply

    /// - Parameter isTimed: Whether it must be known of every response to a request when it was begun.
    init(_ handler: some HTTPHandler, isTimed: Bool) {
        admit = { handler.admit($0) }
        refuse = { handler.refuse($0, overLimit: $1) }
        refuseOverload = { handler.refuse(overloaded: $0) }
        refuseConnection = { handler.refuse($0) }
        refuseHead = { error in
            switch error.reason {
            case .malformed: handler.refuse(malformed: error.detail)
            case .tooLarge: handler.refuse(headTooLarge: error.detail)
            }
        }
        guard isTimed, !handler.tellsTime else {
            respond = { handler.respond(to: $0) }
            return
        }
        respond = { request in
            let began = AccessLogClock.now
            switch handler.respond(to: request) {
            case .now(var response):
                response.began = began
                response.ended = nil
                return .now(response)
            case .later(let pending):
                return .later(pending)
            }
        }
    }
}
