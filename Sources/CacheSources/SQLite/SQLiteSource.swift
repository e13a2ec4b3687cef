internal import CacheCore

/// The rows of a query on an SQLite database, which is opened to be read alone, one by one.
///
/// SQLite takes a row whole: the longest is held, however long that is, besides its own cache of some MiB and what ``ItemSink`` holds.
struct SQLiteSource {
    let path: String
    let query: String

    /// - Throws: ``CacheError`` if the URL has no absolute path, or no query.
    init(_ url: SourceURL) throws(CacheError) {
        var url = url
        guard url.host.isEmpty, url.user.isEmpty, url.port == nil, url.path.count > 1 else {
            throw CacheError(
                .invalidConfiguration, "an SQLite source must have an absolute path: sqlite:///data/app.db?query=…")
        }
        path = url.path
        query = try url.takeQuery(
            of: "an SQLite source", example: "sqlite://\(url.path)?query=SELECT key, value FROM …")
        try url.refuseRest(known: "query")
    }

    func read(_ reading: inout SourceReading) throws(SourceFailure) {
        let database = try SQLiteDatabase(path: path, isCancelled: reading.isCancelled)
        var statement = try database.prepare(query)
        let columns = try ItemColumns(ofQuery: (0..<statement.columnCount).map { statement.name(of: $0) })
        let isJSON = columns.isJSON || statement.declaredType(of: columns.value).uppercased().contains("JSON")
        var text = ItemText()
        // One document for all rows: nothing here is called back.
        var document = JSONDocument()
        while try statement.step() {
            reading.sink.number += 1
            Self.add(statement, columns, isJSON: isJSON, &text, &document, &reading.sink)
            try reading.flushIfFull()
        }
        try reading.flush()
    }

    private static func add(
        _ row: borrowing SQLiteStatement, _ columns: ItemColumns, isJSON: Bool, _ text: inout ItemText,
        _ document: inout JSONDocument, _ sink: inout ItemSink
    ) {
        guard row.type(of: columns.key) != .null else {
            return sink.fail(CacheError(.invalidKey, "the key is NULL; it must be a text"))
        }
        var lifetime = ItemLifetime.unsaid
        if let ttl = columns.ttl, row.type(of: ttl) != .null {
            let isNumber = row.type(of: ttl) == .integer || row.type(of: ttl) == .real
            let seconds = isNumber ? ItemLifetime(seconds: row.double(ttl)) : ItemLifetime(seconds: row.bytes(of: ttl))
            guard let seconds else { return sink.fail(.invalidTTL(row.bytes(of: ttl))) }
            lifetime = seconds
        }
        let type = row.type(of: columns.value)
        if type == .blob || type == .text {
            guard sink.takes(sourceCount: row.byteCount(of: columns.value), isJSON: isJSON) else { return }
        }
        text.removeAll()
        switch type {
        case .null: text.append(raw: "null")
        case .integer, .real: text.append(raw: row.bytes(of: columns.value))
        case .blob where !isJSON: text.append(base64: row.bytes(of: columns.value))
        case .text where !isJSON: text.append(string: row.bytes(of: columns.value))
        case .blob, .text: text.append(raw: row.bytes(of: columns.value))
        }
        sink.add(row.bytes(of: columns.key), &text, ttl: lifetime, &document)
    }
}
