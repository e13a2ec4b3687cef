internal import CacheCore
internal import Dispatch
internal import MicroHTTP
internal import Synchronization
internal import Testing

@testable internal import CacheService

struct SnapshotRouteTests {
    @Test func withoutAFileThereIsNone() throws {
        let test = try TestService()
        try expect(
            test.post("/snapshot", ""),
            is: ExpectedProblem(
                404, "snapshots_off", "there is no file for snapshots; the server needs --snapshot PATH"))
    }

    @Test func answersWhenItIsWritten() throws {
        let test = try TestService(
            snapshots: SnapshotFigures(),
            snapshotWriter: { done in
                // From another thread, as the one that serves must not wait.
                DispatchQueue.global().async {
                    var report = SnapshotReport()
                    report.entries = 12
                    report.bytes = 345
                    report.duration = .microseconds(6789)
                    done(.success(report))
                }
            })
        let reply = test.post("/snapshot", "")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply.text == "{\"entries\":12,\"bytes\":345,\"duration_ms\":6.789}\n")
    }

    @Test func tellsWhyItCannotBeWritten() throws {
        let cache = try ProductionCache(capacity: 10)
        let error = try #require(throws: CacheError.self) { try cache.writeSnapshot(to: "/no/such/folder/file") }
        let test = try TestService(snapshots: SnapshotFigures(), snapshotWriter: { $0(.failure(error)) })
        try expect(test.post("/snapshot", ""), is: ExpectedProblem(500, "snapshot_failed", error.message))
    }

    @Test func writesOverNothingThatIsNotLoaded() throws {
        let figures = SnapshotFigures()
        let calls = Atomic(0)
        let test = try TestService(
            snapshots: figures,
            snapshotWriter: { done in
                calls.wrappingAdd(1, ordering: .relaxed)
                done(.success(SnapshotReport()))
            })
        figures.load(RestoreProgress())
        let reply = test.post("/snapshot", "")
        #expect(reply["Retry-After"] == "1")
        try expect(
            reply,
            is: ExpectedProblem(
                503, "loading", "the former snapshot is still being loaded, and must not be written over"))
        #expect(calls.load(ordering: .relaxed) == 0)
        figures.endLoading()
        #expect(test.post("/snapshot", "").status == 200)
        #expect(calls.load(ordering: .relaxed) == 1)
    }
}
