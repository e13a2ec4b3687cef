internal import CacheCore
internal import MicroHTTP

/// `/snapshot`: writes one now.
extension CacheService {
    /// The answer comes when it is written, or cannot be.
    func writeSnapshot() throws(Problem) -> PendingResponse {
        guard let snapshotWriter else {
            throw Problem(.snapshotsOff, "there is no file for snapshots; the server needs --snapshot PATH")
        }
        if let snapshots, snapshots.isLoading {
            throw Problem(.loading, "the former snapshot is still being loaded, and must not be written over")
        }
        let pending = PendingResponse()
        snapshotWriter { result in
            switch result {
            case .success(let report): pending.fulfill(Self.snapshotWritten(report))
            case .failure(let error): pending.fulfill(Problem(error).response)
            }
        }
        return pending
    }

    private static func snapshotWritten(_ report: SnapshotReport) -> Response {
        var body: [UInt8] = []
        body.append("{\"entries\":")
        body.append(decimal: report.entries)
        body.append(",\"bytes\":")
        body.append(decimal: report.bytes)
        body.append(",\"duration_ms\":")
        body.append(contentsOf: "\(Double(report.duration.nanoseconds / 1000) / 1000)".utf8)
        body.append("}\n")
        return .json(body)
    }
}
