internal import CMicroHTTPD
internal import Glibc

/// What is logged of a request, and when.
extension Exchange {
    /// The time now, if requests are logged.
    var logTime: Int64? { worker.lines == nil ? nil : AccessLogClock.now }

    /// Apart from ``send(_:marks:begun:counting:)``, so that this costs nothing where requests are not logged.
    @inline(never)
    func send(
        _ response: consuming Response, marks: HeadMarks, begun: Int64?, counting memory: AnswerMemory?,
        loggingTo lines: Unmanaged<AccessLogLines>
    ) -> MHD_Result {
        let status = response.status
        let (begun, ended) = (begun ?? response.began, response.ended)
        guard let bytes = isHead || status == 304 ? 0 : response.byteCount else {
            // It ends later.
            let line = ProducedBody.Line(
                request: logEntry(marks).kept(), status: status, begun: begun ?? AccessLogClock.now)
            return queue(response, counting: memory, line: line)
        }
        worker.traffic.send(bytes)
        let result = queue(response, counting: memory)
        if result == .YES {
            log(status: status, bytes: bytes, marks: marks, begun: begun, ended: ended, to: lines)
        }
        return result
    }

    @inline(__always)
    func log(
        status: Int, bytes: Int, marks: HeadMarks, begun: Int64?, ended: Int64?, to lines: Unmanaged<AccessLogLines>
    ) {
        lines._withUnsafeGuaranteedRef { lines in
            let ended = ended ?? AccessLogClock.now
            let outcome = AccessLogOutcome(status: status, bytes: bytes, begun: begun ?? ended, ended: ended)
            lines.add(logEntry(marks), outcome)
        }
    }

    @inline(__always)
    private func logEntry(_ marks: HeadMarks) -> AccessLogEntry {
        let fields = ConnectionFields(connection: connection)
        let (path, query) = RequestLine.split(url, version: version)
        var entry = AccessLogEntry(
            client: fields.clientAddress,
            method: UnsafeRawBufferPointer(start: method, count: strlen(method)), path: path, query: query,
            version: UnsafeRawBufferPointer(start: version, count: RequestLine.versionCount),
            hasMore: !marks.isDisjoint(with: [.origin, .trace]))
        guard entry.hasMore else { return entry }
        if marks.contains(.origin) {
            entry.userAgent = fields.header("User-Agent")
            entry.referer = fields.header("Referer")
        }
        if marks.contains(.trace) { entry.traceparent = fields.header("traceparent") }
        return entry
    }
}
