internal import CMicroHTTPD
internal import Glibc

/// What one thread of the server has for itself, so that it shares no cache line with the others: what it answers with,
/// counts, and writes as date.
final class Worker: @unchecked Sendable {
    // Sendable: all but `date` and `bodyBytes` may be used by any thread; these are used by the daemon's thread alone.
    let dispatcher: Dispatcher
    let traffic = Traffic()
    /// nil if no request is too slow.
    let watch: ConnectionWatch?
    /// Bytes that the bodies take that are being collected, and how many they may take.
    @exclusivity(unchecked) var bodyBytes = 0
    let mostBodyBytes: Int
    @exclusivity(unchecked) private var date = HTTPDate()

    init(_ dispatcher: Dispatcher, watch: ConnectionWatch?, mostBodyBytes: Int) {
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
    let refuseHead: @Sendable (HeadError) -> Response
    let respond: @Sendable (Request) -> Response

    init(_ handler: some HTTPHandler) {
        admit = { handler.admit($0) }
        refuse = { handler.refuse($0, overLimit: $1) }
        refuseOverload = { handler.refuse(overloaded: $0) }
        refuseHead = { error in
            switch error.reason {
            case .malformed: handler.refuse(malformed: error.detail)
            case .tooLarge: handler.refuse(headTooLarge: error.detail)
            }
        }
        respond = { handler.respond(to: $0) }
    }
}
