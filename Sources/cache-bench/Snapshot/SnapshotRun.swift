import Foundation
import Synchronization

/// One run of the snapshot benchmark.
struct SnapshotRun {
    /// The load, and how it is measured.
    let http: HTTPRun
    let entries: Int

    private var file: String { http.environment.file("cache.zst").path }
    /// It is written when the benchmark asks for it.
    private var options: [String] {
        ["--snapshot", file, "--snapshot-interval", "none", "--log-format", "json", "--max-memory", "4GiB"]
    }

    func report() throws -> SnapshotReport {
        _ = try Program.h2load.executable()
        let cache = try start()
        defer { http.stop(cache) }
        Progress.show("filling")
        try cache.store.fill(with: EntryFill(count: entries, sizes: .small, seed: http.workload.seed))
        // The first: later ones find memory that the ones before them have left to the process.
        let first = try measureWriting(of: cache)
        Progress.show("peak rate")
        let shape = http.constantRate(try http.peak(of: cache) / 2)
        var report = SnapshotReport(
            date: Date(), machine: try Machine.this(), entries: entries, rate: shape.rate ?? 0, rounds: http.rounds,
            seconds: http.load.seconds, seed: http.workload.seed)
        report.writings.append(first)
        try measureLoad(of: cache, shape, &report)
        for round in 1...http.rounds {
            Progress.show("writing · round \(round) of \(http.rounds)")
            report.writings.append(try measureWriting(of: cache))
        }
        for round in 1...http.rounds {
            Progress.show("loading · round \(round) of \(http.rounds)")
            report.restores.append(try measureRestore())
        }
        report.targets = report.measuredTargets
        return report
    }

    private func start() throws -> Deployment {
        try Peer.startProductionCache(http.environment, options: options)
    }

    /// Measures the load in turns without snapshots and with.
    private func measureLoad(of cache: Deployment, _ shape: LoadShape, _ report: inout SnapshotReport) throws {
        var contender = try http.contender(cache, title: nil, shape)
        try contender.warmUp()
        for round in 1...http.rounds {
            Progress.show("GETs · round \(round) of \(http.rounds)")
            let quiet = try contender.measure()
            let writer = RepeatedSnapshots(port: cache.port)
            let outcome = Result { try contender.measure() }
            report.snapshotsBesideLoad += try writer.stop()
            let writing = try outcome.get()
            report.quiet.append(quiet)
            report.writing.append(writing)
            report.problems += (quiet.problems + writing.problems).map { "round \(round): \($0)" }
        }
        if report.snapshotsBesideLoad == 0 { report.problems.append("no snapshot was written beside the load") }
    }

    private func measureWriting(of cache: Deployment) throws -> SnapshotReport.Writing {
        let process = cache.processes[0].id
        try PeakMemory.reset(of: process)
        let before = try ResidentMemory.ofProcess(process)
        let written = try WrittenSnapshot.write(port: cache.port)
        return SnapshotReport.Writing(
            milliseconds: written.durationMs, fileBytes: written.bytes,
            addedBytes: max(0, try PeakMemory.of(process) - before))
    }

    /// Starts a server that loads the snapshot, and takes its word for how long that took.
    private func measureRestore() throws -> SnapshotReport.Restore {
        // Of its own: it writes its file at the end, and the other server's is to be loaded.
        let copy = http.environment.file("copy.zst")
        if FileManager.default.fileExists(atPath: copy.path) { try FileManager.default.removeItem(at: copy) }
        try FileManager.default.copyItem(atPath: file, toPath: copy.path)
        var options = options
        options[1] = copy.path
        let server = try Peer.startProductionCache(http.environment, options: options)
        defer { http.stop(server) }
        try http.environment.waitUntil(server.processes[0], answersWithin: .seconds(120)) {
            var connection = try TCPConnection(port: server.port)
            let reply = try connection.exchange(HTTPRequest(method: "GET", target: "/readyz"), port: server.port)
            guard reply.status == 200 else { throw BenchmarkError("the snapshot is being loaded") }
        }
        let log = try String(contentsOf: server.processes[0].output, encoding: .utf8)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for line in log.split(separator: "\n") {
            guard let loaded = try? decoder.decode(LoadedLine.self, from: Data(line.utf8)) else { continue }
            // Those that the load asks for are stored for a shorter time, which may be over.
            guard loaded.loaded >= entries - Workload.keyCount else {
                throw BenchmarkError("of \(entries) entries \(loaded.loaded) were restored")
            }
            return SnapshotReport.Restore(entries: loaded.loaded, milliseconds: max(1, loaded.durationMs))
        }
        throw BenchmarkError("the server does not say that it has loaded the snapshot")
    }

    private struct LoadedLine: Decodable {
        let loaded: Int
        let durationMs: Double
    }
}

/// What the server says of a snapshot that it has written.
private struct WrittenSnapshot: Decodable {
    let entries: Int
    let bytes: Int
    let durationMs: Double

    static func write(port: Int) throws -> WrittenSnapshot {
        var connection = try TCPConnection(port: port)
        let reply = try connection.exchange(HTTPRequest(method: "POST", target: "/snapshot", body: ""), port: port)
        guard reply.status == 200 else { throw BenchmarkError("POST /snapshot answers \(reply.status): \(reply.body)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(WrittenSnapshot.self, from: Data(reply.body.utf8))
    }
}

/// A thread that has one snapshot written after another.
private final class RepeatedSnapshots: Sendable {
    private struct State {
        var count = 0
        var error: (any Error)?
        var isStopping = false
    }

    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    init(port: Int) {
        Thread.detachNewThread { [self] in
            while !state.withLock({ $0.isStopping || $0.error != nil }) {
                do {
                    _ = try WrittenSnapshot.write(port: port)
                    state.withLock { $0.count += 1 }
                } catch {
                    state.withLock { $0.error = error }
                }
            }
            ended.signal()
        }
    }

    /// Waits for the last, and tells how many there were.
    func stop() throws -> Int {
        state.withLock { $0.isStopping = true }
        ended.wait()
        return try state.withLock { state in
            if let error = state.error { throw error }
            return state.count
        }
    }
}
