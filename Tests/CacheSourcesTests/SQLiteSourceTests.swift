import CSQLite
import CacheCore
import Testing

@testable import CacheSources

@Suite("SQLite as a source")
struct SQLiteSourceTests {
    /// Calls `body` with the path of a database that these statements made.
    private func withDatabase(_ statements: String, _ body: (String) throws -> Void) throws {
        try withFile("app.db") { path in
            var handle: OpaquePointer?
            try #require(sqlite3_open(path, &handle) == SQLITE_OK)
            let status = sqlite3_exec(handle, statements, nil, nil, nil)
            sqlite3_close(handle)
            try #require(status == SQLITE_OK)
            try body(path)
        }
    }

    @Test("Columns become JSON by their types")
    func types() throws {
        let statements = """
            CREATE TABLE t (key TEXT, value, doc JSON, ttl REAL);
            INSERT INTO t VALUES ('text', 'a "q"', '{"x": 1}', 60), ('int', 12, '[1]', NULL), ('real', 1.5, '2', NULL),
                ('null', NULL, NULL, NULL), ('blob', x'00ff10', '"s"', NULL), ('big', 9223372036854775807, '1e40', NULL);
            """
        try withDatabase(statements) { path in
            let loaded = try load("sqlite://\(path)?query=SELECT key, value, ttl FROM t")
            #expect(loaded.report.loaded == 6)
            #expect(loaded.value("text") == #""a \"q\"""#)
            #expect(loaded.value("int") == "12")
            #expect(loaded.value("real") == "1.5")
            #expect(loaded.value("null") == "null")
            #expect(loaded.value("blob") == #""AP8Q""#)
            #expect(loaded.value("big") == "9223372036854775807")
            let documents = try load("sqlite://\(path)?query=SELECT key, doc AS value FROM t")
            #expect(documents.report.loaded == 6)
            #expect(documents.value("text") == #"{"x":1}"#)
            #expect(documents.value("null") == "null")
            #expect(documents.value("big") == "1.0e+40")
            let made = try load("sqlite://\(path)?query=SELECT key, json_array(value) AS json FROM t WHERE key = 'int'")
            #expect(made.value("int") == "[12]")
        }
    }

    @Test("Rows that cannot be items are counted, with the reason")
    func badRows() throws {
        let statements = """
            CREATE TABLE t (key, value JSON, ttl);
            INSERT INTO t VALUES (NULL, '1', NULL), ('a', 'nonsense', NULL), ('b', '1', 'soon'), ('c', '1', -5), ('d', '1', '7');
            """
        try withDatabase(statements) { path in
            let loaded = try load("sqlite://\(path)?query=SELECT * FROM t")
            #expect(loaded.report.loaded == 1)
            #expect(loaded.report.expired == 1)
            #expect(loaded.report.errors.map(\.line) == [1, 2, 3])
            #expect(loaded.report.errors.map(\.code.rawValue) == ["invalid_key", "invalid_json", "invalid_ttl"])
        }
    }

    @Test("A value over the limit is refused, and the rest is loaded")
    func largeValues() throws {
        let statements = """
            CREATE TABLE t (key, value, doc JSON);
            INSERT INTO t VALUES ('a', '12345678', '[1,2,3]'), ('b', '12345678901', '[1,2,3,4,5,6,7,8,9,0]'),
                ('c', zeroblob(11), '[ 1, 2, 3 ]'), ('d', zeroblob(6), '1'), ('e', 123456789012, '"123456789"');
            """
        try withDatabase(statements) { path in
            let limits = EntryLimits(maxKeyBytes: 10, maxValueBytes: 10)
            let texts = try load("sqlite://\(path)?query=SELECT key, value FROM t", limits: limits)
            #expect(texts.report.loaded == 2)
            #expect(texts.report.errors.map(\.line) == [2, 3, 5])
            #expect(texts.report.errors.map(\.code) == Array(repeating: .valueTooLarge, count: 3))
            let documents = try load("sqlite://\(path)?query=SELECT key, doc AS value FROM t", limits: limits)
            #expect(documents.report.errors.map(\.line) == [2, 5])
            #expect(documents.value("c") == "[1,2,3]", "it is what is kept that counts")
        }
    }

    @Test("A query that takes long and yields no row is stopped within its one step")
    func longStep() throws {
        try withDatabase("CREATE TABLE t (key, value)") { path in
            // Ends by itself at last, so that who does not stop it is told.
            let long = """
                WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT 1 FROM n LIMIT 10000000) SELECT x AS key, x AS value FROM n WHERE x = 2
                """
            let error = try errorOfStop("sqlite://\(path)?query=\(long)", atQuestion: 11)
            #expect(error?.message.hasSuffix(": it was stopped") == true)
        }
    }

    @Test("Who waits for a writer can be stopped")
    func lockedDatabase() throws {
        try withDatabase("CREATE TABLE t (key, value)") { path in
            var writer: OpaquePointer?
            try #require(sqlite3_open(path, &writer) == SQLITE_OK)
            defer { sqlite3_close(writer) }
            try #require(sqlite3_exec(writer, "BEGIN EXCLUSIVE", nil, nil, nil) == SQLITE_OK)
            let error = try errorOfStop("sqlite://\(path)?query=SELECT * FROM t", atQuestion: 4)
            #expect(error?.message.hasSuffix(": it was stopped") == true)
        }
    }

    @Test("What cannot be read is said with the reason")
    func failures() throws {
        try withDatabase("CREATE TABLE t (key, value)") { path in
            func reason(_ query: String) throws -> String? {
                try CacheSourcesTests.reason("sqlite://\(path)?query=\(query)")?.replacing(
                    "sqlite://\(path): ", with: "")
            }
            let missing = try reason("SELECT * FROM absent")
            #expect(missing == "no such table: absent")
            let wrong = try reason("SELEKT")
            #expect(wrong == #"near "SELEKT": syntax error"#)
            let column = try reason("SELECT value FROM t")
            #expect(
                column == "the query's rows cannot be used: there is no column named key; "
                    + "there must be key and value, and may be ttl (there are: value)")
            let change = try reason("DELETE FROM t")
            #expect(change == "the query changes the database; it must be a SELECT")
            let two = try reason("SELECT * FROM t; SELECT 1")
            #expect(two == "the query is more than one statement; it must be one SELECT")
            let hidden = try reason("SELECT * FROM t; /* ; */ -- all\n; SELEKT")
            #expect(hidden == two)
            for end in ["", " ; ", "; -- all; of it", " -- all", "; /* all; */ ;"] {
                let whole = try reason("SELECT * FROM t\(end)")
                #expect(whole == nil)
            }
        }
        let none = try reason("sqlite:///nowhere/app.db?query=SELECT 1")
        #expect(none == "sqlite:///nowhere/app.db: unable to open database file")
        try withFile(
            "app.db",
            "this is no database, though long enough to look for a header in it" + String(repeating: ".", count: 200)
        ) { path in
            let reason = try reason("sqlite://\(path)?query=SELECT * FROM t")
            #expect(reason == "sqlite://\(path): file is not a database")
        }
    }
}
