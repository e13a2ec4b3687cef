internal import CacheCore
internal import MicroHTTP

extension CacheService {
    /// Has the cache filled from a source that the configuration names.
    ///
    /// - Returns: The promise of the report.
    /// - Throws: ``Problem`` if the client may not, there is no such source, it is being read, or the server is stopping.
    func warm(fromSourceNamed name: String) throws(Problem) -> PendingResponse {
        guard allowsNamedSources else {
            throw Problem(
                .forbidden,
                "to fill the cache from a source needs a token of the scope admin, for all keys; the request has none")
        }
        let pending = PendingResponse()
        do throws(Warmer.Refusal) {
            guard let warmer else { throw .notFound(names: []) }
            try warmer.start(named: name) { result in
                switch result {
                case .success(let report): pending.fulfill(.json(report))
                case .failure(let error): pending.fulfill(Problem(.sourceFailed, error.message).response)
                }
            }
        } catch {
            throw Self.problem(error, name)
        }
        return pending
    }

    private static func problem(_ refusal: Warmer.Refusal, _ name: String) -> Problem {
        var shown: [UInt8] = []
        shown.appendJSONString(name)
        let quoted = shown.withUnsafeBytes { shortened($0) }
        switch refusal {
        case .busy: return Problem(.sourceBusy, "the source \(quoted) is being read; ask again when it is done")
        case .stopping: return Problem(.draining, "the server is stopping; ask another one")
        case .notFound(let names):
            let list =
                names.isEmpty
                ? "the configuration file names none, in its section sources"
                : "there are: \(names.joined(separator: ", "))"
            return Problem(.sourceNotFound, "there is no source \(quoted); \(list)")
        }
    }
}
