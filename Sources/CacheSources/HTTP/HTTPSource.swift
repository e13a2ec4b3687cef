internal import CacheCore
internal import Compression
internal import HTTPClient

/// What a URL answers: lines, one JSON object of keys and values, or CSV, by its `Content-Type` or else by what its path ends in.
///
/// When the connection is cut it goes on where that was, if the server can send parts of what it has and says that it is still the same
/// (RFC 9110, sections 13.1.5 and 14.2), compressed or not; else it begins anew. Tries that got no further than those before count.
struct HTTPSource: Sendable {
    private let url: String
    private let headers: [(name: String, value: String)]
    /// What the path's end says.
    private let file: FileSource

    /// How long the server may take to begin its answer, and to say the next of it.
    private static let timeout = Duration.seconds(60)
    /// The longest wait that the server may ask for.
    private static let mostRetryAfter = Duration.seconds(30)

    init(_ text: String, _ url: SourceURL, headers: [(name: String, value: String)]) {
        self.url = text
        self.headers = headers
        file = FileSource(path: url.path)
    }

    func read(_ reading: inout SourceReading) throws(SourceFailure) {
        let client: HTTPClient
        do throws(HTTPClientError) {
            client = try HTTPClient()
        } catch {
            throw SourceFailure(error.message)
        }
        defer { client.stop() }
        var request = HTTPClientRequest(url: url, headers: headers, timeout: Self.timeout)
        if !headers.contains(where: { $0.name.lowercased() == "accept-encoding" }) {
            request.headers.append(("Accept-Encoding", "zstd, gzip"))
        }
        var download = ResumableDownload(request, by: client, unless: reading.isCancelled)
        var input: DecodedInput?
        var failures = 0
        while let interruption = try readOnce(&download, &input, &reading) {
            failures = interruption.hasAdvanced ? 1 : failures + 1
            try reading.pause(
                after: SourceFailure(interruption), failures: failures,
                atLeast: min(interruption.retryAfter ?? .zero, Self.mostRetryAfter))
        }
        try input?.finish(&reading)
    }

    /// Reads until the end, or until the connection is cut.
    ///
    /// - Returns: Why there is no more for now; nil at the end.
    private func readOnce(
        _ download: inout ResumableDownload, _ input: inout DecodedInput?, _ reading: inout SourceReading
    ) throws(SourceFailure) -> ResumableDownload.Interruption? {
        let opening: ResumableDownload.Opening
        do throws(ResumableDownload.Interruption) {
            opening = try download.open()
        } catch {
            return error
        }
        switch opening {
        case .began(let head):
            if input != nil { reading.sink.restart() }
            input = try begin(head, reading.sink.limits)
            reading.progress.bytesTotal = head.header("content-length").flatMap { Int($0) }
        case .resumed: break
        case .ended: return nil
        }
        while true {
            let piece: [UInt8]?
            do throws(ResumableDownload.Interruption) {
                piece = try download.next()
            } catch {
                return error
            }
            guard let piece else { return nil }
            try withBytes(of: piece) { (bytes) throws(SourceFailure) in try input?.take(bytes, &reading) }
            reading.progress.bytesDone = download.bytesDone
            try reading.flush()
        }
    }

    private func begin(_ head: HTTPClientResponse, _ limits: EntryLimits) throws(SourceFailure) -> DecodedInput {
        let type = head.header("content-type")?.prefix { $0 != ";" }.lowercased() ?? ""
        let format: FileSource.Format =
            if type.hasSuffix("/x-ndjson") || type.hasSuffix("/jsonl") {
                .ndjson
            } else if type.hasSuffix("/json") {
                .object
            } else if type == "text/csv" {
                .csv
            } else {
                file.format
            }
        var compression = file.compression
        if let coding = head.header("content-encoding"), coding != "identity" {
            guard let format = CompressionFormat(rawValue: coding.lowercased()) else {
                throw SourceFailure("the answer comes in the coding \(shortText(coding)); it must be gzip or zstd")
            }
            compression = format
        }
        return DecodedInput(format.decoder(limits), try FileSource.decompressor(compression))
    }
}

extension SourceFailure {
    fileprivate init(_ interruption: ResumableDownload.Interruption) {
        if interruption.error?.code == .cancelled {
            self = .cancelled
        } else {
            self.init(interruption.reason, isTransient: interruption.isTransient)
        }
    }
}
