import CacheService
import Logging
import MicroHTTP
import ServiceLifecycle
import UnixSignals

/// The server from its first listening to its last answer.
///
/// It starts to listen only when the signals have their handlers, so that none that comes after the line "listening" is
/// lost. At the first signal it says so at `/readyz`, stops listening, and waits for the requests in flight.
struct ServerLifecycle: Service, CustomStringConvertible {
    let service: CacheService
    let http: HTTPServerConfiguration
    /// nil if nothing outlives the server.
    var snapshots: SnapshotKeeper? = nil
    /// nil if there is nothing to fill the cache from.
    var warming: WarmKeeper? = nil
    let drainTimeout: Duration
    let reload: Reload
    let logger: Logger

    /// What the service group calls it in the log.
    var description: String { "http-server" }

    /// The signals that stop the server.
    static let signals: [UnixSignal] = [.sigterm, .sigint]

    /// Room for the files that are no connections: the threads', the log's and the system libraries'.
    static let otherOpenFiles = 256

    /// Listens, serves, and returns when all is over.
    ///
    /// - Throws: `HTTPServerError` if it cannot listen; ``WarmKeeper/Failure`` if a source cannot be read that has to be.
    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: Self.signals)
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let reloading = Task { await reload.run(at: hangups) }
        defer { reloading.cancel() }
        let server = try HTTPServer(http, handler: service)
        service.attach(server: server)
        if let snapshots {
            snapshots.start { warming?.start() }
        } else {
            warming?.start()
        }
        logger.info(
            "listening",
            metadata: [
                "scheme": http.tls == nil ? "http" : "https", "address": "\(server.address)",
                "port": .stringConvertible(server.port),
            ])

        do throws(WarmKeeper.Failure) {
            try await warming.endOfServing()
        } catch {
            warming?.cancel()
            // Neither what was asked for nor a whole snapshot: what is in the cache is not kept.
            server.stop()
            throw error
        }

        warming?.cancel()
        snapshots?.hurry()
        service.beginDraining()
        server.stopListening()
        logger.info(
            "draining",
            metadata: [
                "requests_in_flight": .stringConvertible(server.requestsInFlight),
                "connections": .stringConvertible(server.connectionCount),
            ])
        let end = await DrainEnd.first(
            timeout: drainTimeout, requestsInFlight: { server.requestsInFlight }, signals: signals)
        let unfinished = server.requestsInFlight
        server.stop()
        snapshots?.finish()
        logger.log(
            level: end == .finished ? .info : .warning, "stopped",
            metadata: ["drain": "\(end.rawValue)", "requests_cut": .stringConvertible(unfinished)])
    }
}

/// What ended the wait for the requests in flight.
enum DrainEnd: String, Sendable {
    /// All of them are answered.
    case finished

    /// The time was over.
    case timedOut = "timed out"

    /// Another signal said not to wait.
    case interrupted

    /// Waits for whichever comes first.
    ///
    /// - Parameters:
    ///   - requestsInFlight: how many there are now.
    ///   - signals: those that came since the server began to listen; the first is the one that began the drain.
    static func first(
        timeout: Duration, requestsInFlight: @escaping @Sendable () -> Int,
        signals: some AsyncSequence<UnixSignal, Never> & Sendable
    ) async -> DrainEnd {
        // Without this, a time-out of zero would be a race that an idle server can lose.
        if requestsInFlight() == 0 { return .finished }
        return await withTaskGroup(of: DrainEnd?.self) { group in
            group.addTask {
                // The server's threads do not tell when a request ends: counting seldom costs them nothing.
                while requestsInFlight() > 0 {
                    do { try await Task.sleep(for: .milliseconds(5)) } catch { return nil }
                }
                return .finished
            }
            group.addTask {
                do { try await Task.sleep(for: timeout) } catch { return nil }
                return .timedOut
            }
            group.addTask {
                for await _ in signals.dropFirst() { return .interrupted }
                return nil
            }
            defer { group.cancelAll() }
            for await end in group {
                if let end { return end }
            }
            return .interrupted
        }
    }
}
