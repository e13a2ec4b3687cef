internal import CSQLite

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// An SQLite database that is open to be read. Whoever waits for it is asked many times a second whether to go on.
///
/// Invariant: the handle is open from init to deinit, and used by one thread at a time. A statement holds its database, so that what the
/// library calls back during a call finds the database alive.
final class SQLiteDatabase {
    fileprivate let handle: OpaquePointer
    fileprivate let isCancelled: () -> Bool

    /// How many of its instructions the library runs before it asks: less than a millisecond's.
    private static let instructionsBetweenQuestions: CInt = 10_000
    /// How often it is tried to read while a writer holds the database, which is for some 10 s.
    private static let mostTries = 150

    /// - Throws: ``SourceFailure`` if there is no such file, or it cannot be opened.
    init(path: String, isCancelled: @escaping () -> Bool) throws(SourceFailure) {
        self.isCancelled = isCancelled
        var handle: OpaquePointer?
        let status = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard let handle else { throw SourceFailure("there is no memory to open it") }
        self.handle = handle
        guard status == SQLITE_OK else { throw failure() }
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_progress_handler(
            handle, Self.instructionsBetweenQuestions, { SQLiteDatabase.from($0).isCancelled() ? 1 : 0 }, context)
        sqlite3_busy_handler(handle, { SQLiteDatabase.from($0).wait(afterTries: Int($1)) ? 1 : 0 }, context)
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> SQLiteDatabase {
        // Never nil: init gives it.
        Unmanaged.fromOpaque(context!).takeUnretainedValue()
    }

    /// Waits for a writer, a little longer each time.
    ///
    /// - Returns: Whether to try again.
    private func wait(afterTries tries: Int) -> Bool {
        guard tries < Self.mostTries, !isCancelled() else { return false }
        usleep(UInt32(min(tries + 1, 100)) * 1000)
        return true
    }

    deinit { sqlite3_close_v2(handle) }

    /// - Throws: ``SourceFailure`` if the text is no query, or more than one statement, or would change something; or when it is stopped.
    func prepare(_ query: String) throws(SourceFailure) -> SQLiteStatement {
        var statement: OpaquePointer?
        var second: OpaquePointer?
        // The rest of the text is in the text, so it is looked at while that is there: comments and semicolons are no statement.
        let (status, restStatus) = query.withCString { text in
            var rest: UnsafePointer<CChar>?
            let status = sqlite3_prepare_v2(handle, text, -1, &statement, &rest)
            guard status == SQLITE_OK else { return (status, status) }
            return (status, sqlite3_prepare_v2(handle, rest, -1, &second, nil))
        }
        defer { sqlite3_finalize(second) }
        guard status == SQLITE_OK else { throw failure() }
        guard let statement else { throw SourceFailure("the query is empty") }
        let prepared = SQLiteStatement(database: self, handle: statement)
        guard restStatus == SQLITE_OK, second == nil else { throw isCancelled() ? .cancelled : .severalStatements }
        guard sqlite3_stmt_readonly(statement) != 0 else {
            throw SourceFailure("the query changes the database; it must be a SELECT")
        }
        return prepared
    }

    /// What the last call on it failed with.
    fileprivate func failure() -> SourceFailure {
        if isCancelled() { return .cancelled }
        return SourceFailure(SourceFailure.line(String(cString: sqlite3_errmsg(handle))))
    }
}

/// A prepared query and, once it has been stepped, its present row.
///
/// Invariant: the handle is that of a statement of `database`, alive from init to deinit.
struct SQLiteStatement: ~Copyable {
    enum ColumnType {
        case null, integer, real, text, blob
    }

    private let database: SQLiteDatabase
    private let handle: OpaquePointer

    fileprivate init(database: SQLiteDatabase, handle: OpaquePointer) {
        self.database = database
        self.handle = handle
    }

    deinit { sqlite3_finalize(handle) }

    var columnCount: Int { Int(sqlite3_column_count(handle)) }

    func name(of column: Int) -> String { sqlite3_column_name(handle, CInt(column)).map { String(cString: $0) } ?? "" }

    /// What the table's definition says of it; empty for an expression.
    func declaredType(of column: Int) -> String {
        sqlite3_column_decltype(handle, CInt(column)).map { String(cString: $0) } ?? ""
    }

    /// Goes to the next row.
    ///
    /// - Returns: Whether there is one.
    /// - Throws: ``SourceFailure``, also when it is stopped.
    mutating func step() throws(SourceFailure) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw database.failure()
        }
    }

    func type(of column: Int) -> ColumnType {
        switch sqlite3_column_type(handle, CInt(column)) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    func double(_ column: Int) -> Double { sqlite3_column_double(handle, CInt(column)) }

    /// How many bytes a text or a blob has, found without a copy of it, unless a text is not in UTF-8. To be called after ``type(of:)`` of
    /// the same column.
    func byteCount(of column: Int) -> Int { Int(sqlite3_column_bytes(handle, CInt(column))) }

    /// The value as it is, of a number its digits; valid until the next step. To be called after ``type(of:)`` of the same column, which the
    /// library's own conversion changes.
    func bytes(of column: Int) -> UnsafeRawBufferPointer {
        let start: UnsafeRawPointer? =
            type(of: column) == .blob
            ? sqlite3_column_blob(handle, CInt(column)) : UnsafeRawPointer(sqlite3_column_text(handle, CInt(column)))
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, CInt(column))))
    }
}
