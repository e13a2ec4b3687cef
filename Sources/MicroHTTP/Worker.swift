internal import CMicroHTTPD
internal import Glibc

/// What one thread of the server has for itself, so that it shares no cache line with the others: what it answers with,
/// counts, and writes as date.
final class Worker: @unchecked Sendable {
    // Sendable: all but `date` may be used by any thread; `date` is used by the daemon's thread alone.
    let dispatcher: Dispatcher
    let traffic = Traffic()
    /// nil if no request is too slow.
    let watch: ConnectionWatch?
    @exclusivity(unchecked) private var date = HTTPDate()

    init(_ dispatcher: Dispatcher, watch: ConnectionWatch?) {
        self.dispatcher = dispatcher
        self.watch = watch
    }

    /// The present date, valid until the next call. For the daemon's thread alone.
    var currentDate: UnsafePointer<CChar> { date.string(at: time(nil)) }
}

/// What a handler does, without its type: C's callbacks cannot be generic.
final class Dispatcher: Sendable {
    let admit: @Sendable (RequestHead) -> Admission
    let refuse: @Sendable (RequestHead, Int) -> Response
    let refuseHead: @Sendable (HeadError) -> Response
    let respond: @Sendable (Request) -> Response

    init(_ handler: some HTTPHandler) {
        admit = { handler.admit($0) }
        refuse = { handler.refuse($0, overLimit: $1) }
        refuseHead = { error in
            switch error.reason {
            case .malformed: handler.refuse(malformed: error.detail)
            case .tooLarge: handler.refuse(headTooLarge: error.detail)
            }
        }
        respond = { handler.respond(to: $0) }
    }
}
