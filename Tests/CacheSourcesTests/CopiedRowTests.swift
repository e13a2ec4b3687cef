import Testing

@testable import CacheSources

@Suite("Rows of COPY")
struct CopiedRowTests {
    @Test(
        "Fields are cut at tabs, and freed of what they are escaped by",
        arguments: [
            ("a\tb\n", ["a", "b"]), ("a\tb", ["a", "b"]), ("\t\n", ["", ""]), ("\n", [""]),
            (#"\N"# + "\tb\t" + #"\N"# + "\n", [nil, "b", nil]),
            // The letters N, and a backslash before one, are no NULL.
            (#"N"# + "\t" + #"\\N"# + "\tx" + #"\\N"#, ["N", #"\N"#, #"x\N"#]),
            (#"\\x00ff\ttail\n\r\b\f\v"# + "\tlast\n", ["\\x00ff\ttail\n\r\u{8}\u{C}\u{B}", "last"]),
            // No server sends it.
            ("a\\\tb\\\n", ["a\\", "b\\"]),
        ] as [(String, [String?])])
    func fields(line: String, expected: [String?]) {
        var row = CopiedRow()
        // The second time in memory that the first has used.
        for _ in 0..<2 {
            var found: [String?] = []
            Array(line.utf8).withUnsafeBytes { line in
                row.read(line) { bytes, fields in
                    found = fields.map { $0.map { String(decoding: bytes[$0], as: UTF8.self) } }
                }
            }
            #expect(found == expected)
        }
    }
}
