import ArgumentParser
import CacheCore
import CacheService
import Glibc
import HTTPClient
import Logging
import ReadThrough

extension ServerConfiguration {
    /// The most connections to origins.
    var mostFetches: Int { origins.reduce(0) { $0 + $1.mostFetches } }

    /// What loads missing values from their origins; nil if there are none.
    func makeLoader(for cache: ProductionCache, logger: Logger) throws(CommandFailure) -> OriginLoader? {
        guard !origins.isEmpty else { return nil }
        let faults = OriginFaultLog(logger)
        do {
            // How many there are at a time the loader bounds.
            let client = try HTTPClient(
                HTTPClientConfiguration(
                    maxConnections: min(mostFetches, 65_536), maxConnectionsPerHost: mostFetches,
                    userAgent: "production-cache/\(CacheServer.version)"))
            return try OriginLoader(
                Origins(
                    routes: origins, fetch: Origins.fetch(by: client), faultObserver: { faults.add($0, $1) }),
                cache: cache,
                maxValueBytes: limits.maxValueBytes)
        } catch let error as HTTPClientError {
            throw CommandFailure(message: error.message, exitCode: ExitCode(EX_OSERR))
        } catch {
            throw CommandFailure(message: "\(error)", exitCode: ExitCode(EX_OSERR))
        }
    }
}
