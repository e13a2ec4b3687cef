internal import CPostgreSQL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A connection to a PostgreSQL server, for statements that come one after another. Whoever waits for the server is asked several times a
/// second whether to go on.
///
/// Invariant: the handle is that of a connection, from init to deinit, and used by one thread at a time.
struct PostgreSQLConnection: ~Copyable {
    private let handle: OpaquePointer
    private let isCancelled: () -> Bool

    private init(_ handle: OpaquePointer, _ isCancelled: @escaping () -> Bool) {
        self.handle = handle
        self.isCancelled = isCancelled
    }

    /// Connects.
    ///
    /// - Throws: ``SourceFailure``.
    static func open(
        _ parameters: [(name: String, value: String)], password: String?, timeout: Duration,
        isCancelled: @escaping () -> Bool
    ) throws(SourceFailure) -> PostgreSQLConnection {
        var all = parameters
        if let password { all.append(("password", password)) }
        all.append(("client_encoding", "UTF8"))
        guard let handle = withArrays(all, { PQconnectStartParams($0, $1, 0) }) else {
            throw SourceFailure("there is no memory to connect")
        }
        let connection = PostgreSQLConnection(handle, isCancelled)
        try connection.finishConnecting(within: timeout)
        guard PQstatus(handle) == CONNECTION_OK else {
            let reason = SourceFailure.line(String(cString: PQerrorMessage(handle)))
            // The library does not say what kind of failure it was, but whether there is a server that takes connections: if so, to try again
            // with the same user, password and database is of no use.
            all.append(("connect_timeout", "\(max(2, timeout.components.seconds))"))
            let state = withArrays(all) { PQpingParams($0, $1, 0) }
            throw SourceFailure(reason, isTransient: state == PQPING_REJECT || state == PQPING_NO_RESPONSE)
        }
        return connection
    }

    private func finishConnecting(within timeout: Duration) throws(SourceFailure) {
        guard PQstatus(handle) != CONNECTION_BAD else { return }
        let deadline = ContinuousClock.now + timeout
        // The first wait is for writing, as the library's documentation has it.
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK, state != PGRES_POLLING_FAILED {
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            try awaitSocket(PQsocket(handle), events, until: deadline, unless: isCancelled)
            state = PQconnectPoll(handle)
        }
    }

    deinit { PQfinish(handle) }

    /// Lends the names and the values as the library takes them. It makes its own copies.
    private static func withArrays<Result>(
        _ parameters: [(name: String, value: String)],
        _ body: ([UnsafePointer<CChar>?], [UnsafePointer<CChar>?]) -> Result
    ) -> Result {
        let names = parameters.map { strdup($0.name) }
        let values = parameters.map { strdup($0.value) }
        defer {
            for text in names + values { free(text) }
        }
        return body(names.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil])
    }

    /// Runs statements whose rows are not wanted.
    func run(_ statements: String) throws(SourceFailure) {
        try send(statements)
        _ = try result()
    }

    /// Runs one statement; a text of several is refused.
    func runOne(_ statement: String) throws(SourceFailure) {
        try sendOne(statement)
        _ = try result()
    }

    /// What the rows of a cursor are like; it has none of them.
    func describe(cursor: String) throws(SourceFailure) -> PostgreSQLResult {
        guard PQsendDescribePortal(handle, cursor) == 1 else { throw failure() }
        return try result()
    }

    private func send(_ statements: String) throws(SourceFailure) {
        guard PQsendQuery(handle, statements) == 1 else { throw failure() }
    }

    /// By the protocol that takes one statement alone.
    private func sendOne(_ statement: String) throws(SourceFailure) {
        guard PQsendQueryParams(handle, statement, 0, nil, nil, nil, nil, 0) == 1 else { throw failure() }
    }

    private func result() throws(SourceFailure) -> PostgreSQLResult {
        let result = PostgreSQLResult(try next())
        try check(result)
        try finish()
        return result
    }

    /// Passes over what is left of the statement's results. Behind the last stands none, and the connection is free again.
    private func finish() throws(SourceFailure) {
        while let more = try next() { PQclear(more) }
    }

    /// Undoes a statement that failed, and with it the failure of the transaction.
    func rollBack(to savepoint: String) throws(SourceFailure) {
        try finish()
        try run("ROLLBACK TO SAVEPOINT " + savepoint)
    }

    /// Begins a `COPY … TO STDOUT`, for ``copiedRow(_:)`` to take its rows.
    func copy(_ statement: String) throws(SourceFailure) {
        try sendOne(statement)
        try check(PostgreSQLResult(try next()))
    }

    /// Lends the next row of a `COPY` as it comes, with the line break behind it.
    ///
    /// The library reads from the socket when it has no whole row, and no further than its buffer is long, which is at most some twice the
    /// longest row; so the server waits for who takes the rows.
    ///
    /// - Returns: Whether there was one.
    func copiedRow(_ body: (UnsafeRawBufferPointer) -> Void) throws(SourceFailure) -> Bool {
        var row: UnsafeMutablePointer<CChar>?
        while true {
            // It belongs to the caller.
            let count = PQgetCopyData(handle, &row, 1)
            switch count {
            case 1...:
                defer { PQfreemem(row) }
                body(UnsafeRawBufferPointer(start: row, count: Int(count)))
                return true
            case 0:
                try takeInput()
            case -1:
                _ = try result()
                return false
            default: throw failure()
            }
        }
    }

    private func next() throws(SourceFailure) -> OpaquePointer? {
        while PQisBusy(handle) != 0 {
            try takeInput()
        }
        return PQgetResult(handle)
    }

    /// Waits for the server to send more, a tenth of a second at most, and has the library take in what has come.
    private func takeInput() throws(SourceFailure) {
        // Whether the socket is ready or not: what the TLS library has taken from it already, nobody sees there any more. With nothing to take
        // in it returns at once.
        _ = try awaitSocket(PQsocket(handle), POLLIN, unless: isCancelled)
        guard PQconsumeInput(handle) == 1 else { throw failure() }
    }

    private func check(_ result: borrowing PostgreSQLResult) throws(SourceFailure) {
        guard result.isGood else { throw failure(of: result) }
    }

    private func failure(of result: borrowing PostgreSQLResult) -> SourceFailure {
        guard let message = result.errorMessage else { return failure() }
        let isSyntaxError = result.sqlState == "42601"
        // The words may be in any language, and the state is that of all syntax errors.
        if isSyntaxError, result.sourceFunction == "exec_parse_message" { return .severalStatements }
        // Class 57 (operator intervention: shut down, terminated), 08 (connection), 53 (resources), 40 (rolled back).
        let isTransient = ["57P", "08", "53", "40"].contains { result.sqlState.hasPrefix($0) }
        // Class 22 (data) has what is in the rows.
        let text =
            result.sqlState.hasPrefix("22") ? "a value cannot be had as the query asks" : SourceFailure.line(message)
        var failure = SourceFailure(
            "\(text) (SQLSTATE \(result.sqlState))", isTransient: isTransient || PQstatus(handle) == CONNECTION_BAD)
        failure.isSyntaxError = isSyntaxError
        return failure
    }

    private func failure() -> SourceFailure {
        SourceFailure(
            SourceFailure.line(String(cString: PQerrorMessage(handle))),
            isTransient: PQstatus(handle) == CONNECTION_BAD)
    }
}

/// What a statement returned, without rows.
///
/// Invariant: the handle, if there is one, is that of a result, until deinit.
struct PostgreSQLResult: ~Copyable {
    private let handle: OpaquePointer?

    fileprivate init(_ handle: OpaquePointer?) { self.handle = handle }

    deinit { PQclear(handle) }

    fileprivate var isGood: Bool {
        let status = PQresultStatus(handle)
        return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_OUT
    }

    /// What is wrong, without the lines that show the query; nil if there is no result, or nothing is said.
    fileprivate var errorMessage: String? { errorField("M") }

    fileprivate var sqlState: String { errorField("C") ?? "" }

    /// The function of the server that refused the statement; nil if it does not say.
    fileprivate var sourceFunction: String? { errorField("R") }

    private func errorField(_ code: Unicode.Scalar) -> String? {
        PQresultErrorField(handle, CInt(UInt8(ascii: code))).map { String(cString: $0) }
    }

    var columnCount: Int { Int(PQnfields(handle)) }

    func name(of column: Int) -> String { PQfname(handle, CInt(column)).map { String(cString: $0) } ?? "" }

    /// The number of the column's type.
    func type(of column: Int) -> UInt32 { PQftype(handle, CInt(column)) }
}
