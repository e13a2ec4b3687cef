internal import Compression
internal import MicroHTTP

/// What is done with a response that is made when its request is not at hand any more: later, or behind a stream.
extension CacheService {
    /// What such a response needs to know of its request.
    struct Finish: Sendable {
        /// In which the response is sent if it is large; nil for none.
        let coding: CompressionFormat?
        /// What it has beside its own; nil is nothing.
        let fields: [HeaderFields?]
        let route: Route
        let method: Method
        /// When the request began, by the cache's clock.
        let start: Int64
    }

    /// As ``respond(to:)`` does with a response that it has at once: codes it, adds its fields, and counts it.
    func finished(_ response: consuming Response, _ finish: Finish) -> Response {
        var response = response.encoded(in: finish.coding)
        for case let fields? in finish.fields { response.headers.add(fields) }
        self.finish(&response, finish.route, finish.method, start: finish.start)
        return response
    }

    /// The promise of a response that is finished, from that of one that is not.
    func finishing(_ pending: PendingResponse, _ finish: Finish) -> PendingResponse {
        let finished = PendingResponse()
        pending.onFulfilled { response in
            guard let response else { return }
            finished.fulfill(self.finished(response, finish))
        }
        return finished
    }
}
