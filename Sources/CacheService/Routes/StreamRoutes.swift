internal import CacheCore
internal import Compression
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

/// Loads the lines of a body as they arrive, and answers with the report; or has the cache filled from the source that the body names.
final class WarmReceiver: BodyReceiver {
    private let service: CacheService
    private var loader: NDJSONLoader
    /// nil if the body comes as it is.
    private var decompressor: Decompressor?
    /// Why the rest of the body cannot be read.
    private var damage: CompressedDataError?
    private var sourceRequest = SourceRequest()
    private let finish: CacheService.Finish

    /// - Parameters:
    ///   - coding: In which the body comes; nil for none.
    ///   - responseCoding: In which the answer is sent if it is large.
    ///   - fields: What the answer has beside its own; nil is nothing.
    init(
        service: CacheService, coding: CompressionFormat? = nil, responseCoding: CompressionFormat? = nil,
        fields: [HeaderFields?] = []
    ) throws(Problem) {
        self.service = service
        loader = NDJSONLoader(cache: service.cache, limits: service.limits.entries)
        finish = CacheService.Finish(
            coding: responseCoding, fields: fields, route: .warm, method: .post, start: service.cache.now)
        guard let coding else { return }
        decompressor = Decompressor(coding)
        guard decompressor != nil else { throw Problem.noDecompressor }
    }

    func receive(_ piece: BorrowedBytes) {
        guard decompressor != nil else { return take(piece) }
        guard damage == nil else { return }
        do throws(CompressedDataError) {
            _ = try decompressor!.append(piece) { lines in
                take(lines)
                return true
            }
        } catch {
            damage = error
        }
    }

    private func take(_ lines: BorrowedBytes) {
        guard !sourceRequest.hold(lines) else { return }
        takeHeld()
        loader.consume(lines)
    }

    /// Lines that were held back because they might have named a source, and do not.
    private func takeHeld() {
        let held = sourceRequest.release()
        if !held.isEmpty { held.withUnsafeBytes { loader.consume($0) } }
    }

    var heldBytes: Int { loader.heldBytes + (decompressor?.heldBytes ?? 0) }

    func respond() -> Reply {
        do throws(Problem) {
            switch try reply() {
            case .now(let response): return .now(service.finished(response, finish))
            case .later(let pending): return .later(service.finishing(pending, finish))
            }
        } catch {
            return .now(service.finished(error.response, finish))
        }
    }

    /// What is loaded of a body that is there as a whole: the empty one, or a small one that was to be refused when its head came,
    /// but not any more when it was there.
    func reply(to body: BorrowedBytes) throws(Problem) -> Reply {
        if !body.isEmpty { receive(body) }
        return try reply()
    }

    private func reply() throws(Problem) -> Reply {
        if damage == nil {
            do throws(CompressedDataError) { try decompressor?.finish() } catch { damage = error }
        }
        if damage == nil, let name = sourceRequest.sourceName { return .later(try service.warm(fromSourceNamed: name)) }
        return .now(try answer())
    }

    /// What was loaded. A body whose end cannot be read has loaded what came before, and says so in the report; one of which
    /// nothing could be read is wrong as a whole.
    ///
    /// - Throws: ``Problem`` then.
    private func answer() throws(Problem) -> Response {
        takeHeld()
        let report: WarmReport
        if let damage {
            let problem = Problem(damage)
            guard loader.hasLines else { throw problem }
            report = loader.finish(unreadable: CacheError(.invalidBody, "the rest cannot be read: \(problem.detail)"))
        } else {
            report = loader.finish()
        }
        return .json(report)
    }
}

extension Response {
    /// What became of the items of a body, or of a source.
    static func json(_ report: WarmReport) -> Response {
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
