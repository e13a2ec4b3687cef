internal import CacheCore
internal import MicroHTTP

/// `/warm` and `/export`: entries as NDJSON, as a stream of any length.
extension CacheService {
    func export(_ head: RequestHead) throws(Problem) -> Response {
        let prefix = try keyPrefix(of: head)
        var headers = HeaderFields()
        headers.add("Content-Type", "application/x-ndjson")
        return Response(status: 200, headers: headers, body: .stream(ExportProducer(cache: cache, prefix: prefix)))
    }
}

/// Writes the entries page by page, as fast as the client takes them.
private final class ExportProducer: BodyProducer {
    private let cache: ProductionCache
    private let prefix: [UInt8]
    private var cursor: ListingCursor?
    private var isAtEnd = false

    /// How much is written at once, about.
    private static let pieceBytes = 64 << 10

    init(cache: ProductionCache, prefix: [UInt8]) {
        self.cache = cache
        self.prefix = prefix
    }

    func nextPiece() -> [UInt8]? {
        var lines: [UInt8] = []
        lines.reserveCapacity(Self.pieceBytes * 2)
        while lines.isEmpty, !isAtEnd {
            do {
                cursor = try prefix.withUnsafeBytes {
                    try cache.appendExport(to: &lines, prefix: $0, after: cursor, byteCount: Self.pieceBytes)
                }
            } catch {
                // Only a foreign cursor is refused, and this one comes from the cache itself.
                preconditionFailure("the cache refused its own cursor: \(error)")
            }
            isAtEnd = cursor == nil
        }
        return lines.isEmpty ? nil : lines
    }
}

/// Loads the lines of a body as they arrive, and answers with the report.
final class WarmReceiver: BodyReceiver {
    private let service: CacheService
    private var loader: NDJSONLoader
    private let fields: [HeaderFields?]
    private let start: Int64

    /// - Parameter fields: What the answer has beside its own; nil is nothing.
    init(service: CacheService, fields: [HeaderFields?] = []) {
        self.service = service
        self.fields = fields
        loader = NDJSONLoader(cache: service.cache, limits: service.limits.entries)
        start = service.cache.now
    }

    func receive(_ piece: BorrowedBytes) { loader.consume(piece) }

    func respond() -> Response {
        var response = answer()
        for case let fields? in fields { response.headers.add(fields) }
        service.finish(&response, .warm, .post, start: start)
        return response
    }

    func answer() -> Response {
        let report = loader.finish()
        var body: [UInt8] = []
        body.append("{\"loaded\":")
        body.append(decimal: report.loaded)
        body.append(",\"failed\":")
        body.append(decimal: report.failed)
        body.append(",\"expired\":")
        body.append(decimal: report.expired)
        body.append(",\"errors\":[")
        for (index, error) in report.errors.enumerated() {
            if index > 0 { body.append(",") }
            body.append("{\"line\":")
            body.append(decimal: error.line)
            body.append(",\"code\":")
            body.appendJSONString(error.code.rawValue)
            body.append(",\"detail\":")
            body.appendJSONString(error.detail)
            body.append("}")
        }
        body.append("],\"duration_ms\":")
        body.append(contentsOf: "\(Double(report.duration.nanoseconds / 1000) / 1000)".utf8)
        body.append("}\n")
        return .json(body)
    }
}
