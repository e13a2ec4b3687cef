internal import CPostgreSQL
internal import CacheCore

/// The rows of a query on a PostgreSQL database, by `COPY (query) TO STDOUT` in a transaction that reads: the server sends them as it makes
/// them, and waits for who takes them.
///
/// libpq takes a row whole: some four times the longest row is held, however long that is, and what ``ItemSink`` holds.
struct PostgreSQLSource {
    /// What libpq is given, but for the password.
    let parameters: [(name: String, value: String)]
    let password: String?
    let query: String
    /// The library's own is for those who let it wait.
    private let connectTimeout: Duration

    /// - Parameter password: In the place of the URL's; nil for the URL's or what libpq finds itself, in `PGPASSWORD` or `~/.pgpass`.
    /// - Throws: ``CacheError`` if the URL has no query.
    init(_ url: SourceURL, password: String?) throws(CacheError) {
        var url = url
        query = try url.takeQuery(
            of: "a PostgreSQL source", example: "postgresql://user@host/database?query=SELECT key, value FROM …")
        let timeout = url.take("connect_timeout")
        guard let seconds = timeout.map({ Int($0) }) ?? 10, (1...3600).contains(seconds) else {
            throw CacheError(.invalidConfiguration, "connect_timeout must be a number of seconds from 1 to 3600")
        }
        connectTimeout = .seconds(seconds)
        self.password = password ?? url.take("password") ?? url.password
        var parameters: [(name: String, value: String)] = []
        func set(_ name: String, _ value: String) {
            if !value.isEmpty { parameters.append((name, value)) }
        }
        set("host", url.host)
        set("port", url.port.map(String.init) ?? "")
        set("user", url.user)
        set("dbname", String(url.path.drop { $0 == "/" }))
        // What the URL says itself goes before these, which it may say otherwise.
        parameters += url.rest().filter { parameter in !parameters.contains { $0.name == parameter.name } }
        func setDefault(_ name: String, _ value: String) {
            if !parameters.contains(where: { $0.name == name }) { parameters.append((name, value)) }
        }
        setDefault("application_name", "production-cache")
        // A peer that has gone without a word is noticed within some 30 s, not after hours.
        setDefault("keepalives_idle", "10")
        setDefault("keepalives_interval", "5")
        setDefault("keepalives_count", "4")
        self.parameters = parameters
    }

    func read(_ reading: inout SourceReading) throws(SourceFailure) {
        var failures = 0
        while true {
            do throws(SourceFailure) {
                return try readOnce(&reading)
            } catch {
                failures += 1
                try reading.pause(after: error, failures: failures)
            }
            // A query cannot go on where it was cut; to put the same items once more does no harm.
            reading.sink.restart()
        }
    }

    private func readOnce(_ reading: inout SourceReading) throws(SourceFailure) {
        let connection = try PostgreSQLConnection.open(
            parameters, password: password, timeout: connectTimeout, isCancelled: reading.isCancelled)
        try connection.run("BEGIN READ ONLY")
        try connection.run("SET LOCAL bytea_output TO hex")
        // All rows are one statement's, which a timeout for such as a page asks would end at the same place each time. One for transactions
        // is known to PostgreSQL from 17 on, which stops its clock when it is set to zero in their midst.
        try connection.run(
            "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout')"
        )
        // A cursor is for one query alone, by the protocol that takes one statement alone: no other text gets further than this. It also
        // tells the types, which COPY does not.
        try connection.runOne("DECLARE warm NO SCROLL CURSOR FOR " + query)
        let layout = try RowLayout(try connection.describe(cursor: "warm"))
        try connection.run("CLOSE warm")
        try beginCopy(connection)
        var row = CopiedRow()
        var text = ItemText()
        var document = JSONDocument()
        while try connection.copiedRow({ line in
            reading.sink.number += 1
            row.read(line) { layout.add($0, $1, &text, &document, &reading.sink) }
        }) {
            try reading.flushIfFull()
        }
        try reading.flush()
    }

    /// Begins to copy the rows of the query, which is known to be one statement.
    ///
    /// `COPY` takes no semicolon behind the statement, and the server alone can tell which one ends it: others may be in quotes or in comments.
    /// Behind that one are comments and more semicolons alone, so the statement is the longest text before a semicolon that the server can
    /// parse.
    private func beginCopy(_ connection: borrowing PostgreSQLConnection) throws(SourceFailure) {
        try connection.run("SAVEPOINT before_copy")
        var statement = query[...]
        while true {
            // Most queries have no comment at their end, and need no second try.
            while let last = statement.last, last == ";" || last.isWhitespace { statement.removeLast() }
            do throws(SourceFailure) {
                // A comment may end it.
                return try connection.copy("COPY (\(statement)\n) TO STDOUT")
            } catch {
                guard error.isSyntaxError, let semicolon = statement.lastIndex(of: ";") else { throw error }
                statement = statement[..<semicolon]
            }
            try connection.rollBack(to: "before_copy")
        }
    }
}

/// What the columns of a query's rows are, and how they become items.
private struct RowLayout {
    private enum ValueKind {
        case json, number, bool, bytes, text
    }

    private let columns: ItemColumns
    private let kind: ValueKind

    init(_ result: borrowing PostgreSQLResult) throws(SourceFailure) {
        columns = try ItemColumns(ofQuery: (0..<result.columnCount).map { result.name(of: $0) })
        switch Int(result.type(of: columns.value)) {
        case _ where columns.isJSON, pq_type_json, pq_type_jsonb: kind = .json
        case pq_type_int2, pq_type_int4, pq_type_int8,
            pq_type_oid, pq_type_float4, pq_type_float8,
            pq_type_numeric:
            kind = .number
        case pq_type_bool: kind = .bool
        case pq_type_bytea: kind = .bytes
        default: kind = .text
        }
    }

    func add(
        _ bytes: UnsafeRawBufferPointer, _ fields: [Range<Int>?], _ text: inout ItemText,
        _ document: inout JSONDocument, _ sink: inout ItemSink
    ) {
        func field(_ column: Int) -> UnsafeRawBufferPointer? {
            guard column < fields.count, let range = fields[column] else { return nil }
            return UnsafeRawBufferPointer(rebasing: bytes[range])
        }
        guard let key = field(columns.key) else {
            return sink.fail(CacheError(.invalidKey, "the key is NULL; it must be a text"))
        }
        var lifetime = ItemLifetime.unsaid
        if let column = columns.ttl, let ttl = field(column) {
            guard let seconds = ItemLifetime(seconds: ttl) else { return sink.fail(.invalidTTL(ttl)) }
            lifetime = seconds
        }
        text.removeAll()
        guard let value = field(columns.value) else {
            text.append(raw: "null")
            return sink.add(key, &text, ttl: lifetime, &document)
        }
        // Binary data has two digits a byte.
        let count = kind == .bytes ? value.count / 2 : value.count
        guard sink.takes(sourceCount: count, isJSON: kind == .json) else { return }
        switch kind {
        case .json, .number: text.append(raw: value)
        case .bool: text.append(raw: value.first == UInt8(ascii: "t") ? "true" : "false")
        case .bytes: text.append(base64OfHex: UnsafeRawBufferPointer(rebasing: value.dropFirst(2)))
        case .text: text.append(string: value)
        }
        sink.add(key, &text, ttl: lifetime, &document)
    }
}

extension ItemText {
    /// Bytes that come as hexadecimal digits, as a JSON string in base64.
    fileprivate mutating func append(base64OfHex digits: UnsafeRawBufferPointer) {
        func nibble(_ digit: UInt8) -> UInt8 {
            digit <= UInt8(ascii: "9") ? digit &- UInt8(ascii: "0") : (digit | 0x20) &- UInt8(ascii: "a") &+ 10
        }
        withUnsafeTemporaryAllocation(byteCount: max(1, digits.count / 2), alignment: 1) { room in
            let count = digits.count / 2
            for index in 0..<count { room[index] = nibble(digits[2 * index]) << 4 | nibble(digits[2 * index + 1]) }
            append(base64: UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
    }
}
