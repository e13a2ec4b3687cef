import ArgumentParser
import CacheCore
import CacheService
import Glibc
import Logging
import MicroHTTP
import ServiceLifecycle

/// `cache-server serve`: the server, until a signal ends it.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a cache over HTTP. What runs when no command is named.",
        usage: """
            cache-server [serve] [<options>]
            cache-server demo [<options>]
            cache-server healthcheck [<options>]
            """,
        discussion: """
            A setting comes from its flag, else from its environment variable, else from the configuration file, whose \
            keys are the flags' names with _ for - (max_memory), else it has its default.

            A size is a number of bytes, or has a unit: 64KiB, 512MiB, 1.5GB. A duration is a number of seconds, or has \
            a unit: 500ms, 30s, 2m, 1h, 7d. Where none is a default, none can be given too.

            SIGHUP reads the certificates and the file of tokens anew, and opens the access log's file anew. SIGTERM and SIGINT stop the server once the requests in flight have finished; a second one stops it at once.
            """,
        helpNames: [.short, .long])

    @OptionGroup var flags: SettingFlags

    func run() async throws {
        let sources = try SettingSources.ofProcess(flags: flags.given)
        let configuration: ServerConfiguration
        let cache: ProductionCache
        let access: AccessControl?
        let tls: ServerTLS?
        do {
            configuration = try ServerConfiguration(from: sources, on: .current())
            cache = try ProductionCache(configuration.cache)
            access = try configuration.tokenFile.map {
                AccessControl(try $0.read(), hasPublicMetrics: configuration.hasPublicMetrics)
            }
            tls = try configuration.tlsFiles.map { ServerTLS(try $0.read()) }
        } catch let error as SettingError {
            throw CommandFailure(error)
        } catch let error as TokenFile.Unusable {
            throw CommandFailure(message: error.description, exitCode: ExitCode(EX_NOINPUT))
        } catch let error as TLSFiles.Unusable {
            throw CommandFailure(message: error.description, exitCode: ExitCode(EX_NOINPUT))
        } catch let error as CacheError {
            throw CommandFailure(message: error.message, exitCode: ExitCode(EX_USAGE))
        }
        // A client or a reader of the log that goes away is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that may not grow, by a limit of the process.
        signal(SIGXFSZ, SIG_IGN)
        let logger = Logger.standardOutput(level: configuration.logLevel, format: configuration.logFormat)
        let accessLog = try configuration.openAccessLog(logger)
        let identity: Logger.Metadata = ["version": "\(CacheServer.version)", "pid": .stringConvertible(getpid())]
        logger.info("starting", metadata: configuration.effective.merging(identity) { $1 })

        let openFiles = OpenFileLimit.raise(
            to: configuration.http.mostSockets + ServerLifecycle.otherOpenFiles + configuration.mostFetches)
        if openFiles < configuration.http.maxConnections {
            logger.warning(
                "the limit on open files is less than max_connections",
                metadata: ["open_files": .stringConvertible(openFiles)])
        }

        var http = configuration.http
        http.tls = tls
        if let warning = Exposure.warning(of: http, hasTokens: access != nil) {
            logger.warning("\(warning)")
        }

        var observer: (@Sendable (CacheService.RequestRecord) -> Void)?
        if configuration.logLevel <= .debug {
            observer = { record in logger.debug("request", metadata: record.metadata) }
        }
        let snapshots = configuration.snapshotPath.map {
            SnapshotKeeper(path: $0, interval: configuration.snapshotInterval, cache: cache, logger: logger)
        }
        let warming = WarmKeeper(configuration, cache: cache, logger: logger)
        let loader = try configuration.makeLoader(for: cache, logger: logger)
        let service = CacheService(
            cache: cache, limits: configuration.limits, access: access, crossOrigin: configuration.crossOrigin,
            rateLimiter: configuration.rateLimiter,
            needsClientCertificate: configuration.tlsFiles?.clientAuthorities != nil, snapshots: snapshots?.figures,
            snapshotWriter: snapshots?.writer, warmer: warming?.warmer, loader: loader, version: CacheServer.version,
            observer: observer)
        http.accessLog = accessLog
        let lifecycle = ServerLifecycle(
            service: service, http: http, snapshots: snapshots, warming: warming,
            drainTimeout: configuration.drainTimeout,
            reload: Reload(actions: configuration.reloads(access, tls, accessLog), logger: logger), logger: logger)
        let group = ServiceGroup(
            services: [lifecycle], gracefulShutdownSignals: ServerLifecycle.signals, logger: logger)
        do {
            try await group.run()
        } catch let error as HTTPServerError {
            logger.error("cannot listen", metadata: ["error": "\(error)"])
            throw CommandFailure(message: error.description, exitCode: ExitCode(EX_UNAVAILABLE))
        } catch let error as WarmKeeper.Failure {
            // Clients may have had other sources read.
            throw CommandFailure(
                message: error.description, exitCode: ExitCode(EX_UNAVAILABLE),
                isAbrupt: await warming?.isOver() == false)
        }
        if let warming, await !warming.isOver() {
            // Libraries tidy up when a process ends in the usual way, under the feet of a thread that is within one of them.
            _exit(EXIT_SUCCESS)
        }
    }
}

extension ServerConfiguration {
    /// What SIGHUP reads anew.
    fileprivate func reloads(
        _ access: AccessControl?, _ tls: ServerTLS?, _ accessLog: AccessLog?
    ) -> [(name: String, action: @Sendable () throws -> Void)] {
        var actions: [(name: String, action: @Sendable () throws -> Void)] = []
        if let access, let tokenFile { actions.append(("auth_tokens", { access.replace(try tokenFile.read()) })) }
        if let tls, let tlsFiles { actions.append(("tls", { tls.replace(try tlsFiles.read()) })) }
        if let accessLog, accessLogFile != nil { actions.append(("access_log_file", { try accessLog.reopen() })) }
        return actions
    }

    /// The log of requests, if there is to be one. What it loses it tells `logger`.
    fileprivate func openAccessLog(_ logger: Logger) throws(CommandFailure) -> AccessLog? {
        guard let accessLogFormat else { return nil }
        do throws(AccessLogError) {
            return try AccessLog(
                accessLogFormat,
                to: accessLogFile.map { .file(path: $0) } ?? .descriptor(StandardOutput.descriptor)
            ) { loss in
                logger.warning(
                    "lines of the access log were dropped",
                    metadata: [
                        "lines": .stringConvertible(loss.lines),
                        "why": .string(loss.systemError ?? "they are taken slower than they come"),
                    ])
            }
        } catch {
            throw CommandFailure(message: error.description, exitCode: ExitCode(EX_CANTCREAT))
        }
    }
}

extension CacheService.RequestRecord {
    /// The members of the log line.
    fileprivate var metadata: Logger.Metadata {
        let microseconds = duration.components.attoseconds / 1_000_000_000_000 + duration.components.seconds * 1_000_000
        return [
            "method": "\(method)", "route": "\(route)", "status": .stringConvertible(status),
            "duration_us": .stringConvertible(microseconds),
        ]
    }
}
