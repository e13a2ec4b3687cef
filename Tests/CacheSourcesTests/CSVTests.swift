import CacheCore
import Testing

@testable import CacheSources

@Suite("CSV as a source")
struct CSVTests {
    /// The rows of a text that comes in pieces.
    private func rows(_ text: String, pieces: Int) -> [[String]] {
        var reader = CSVReader(maxRowBytes: 1000)
        var rows: [[String]] = []
        func take(_ row: CSVReader.Row) {
            switch row {
            case .malformed(let reason): rows.append(["! \(reason)"])
            case .fields(let bytes, let ends):
                var start = 0
                rows.append(
                    ends.map { end in
                        defer { start = end }
                        return String(decoding: bytes[start..<end], as: UTF8.self)
                    })
            }
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            Array(rest.prefix(pieces)).withUnsafeBytes { reader.consume($0, take) }
            rest = rest.dropFirst(pieces)
        }
        reader.finish(take)
        return rows
    }

    @Test("Rows are cut as RFC 4180 says, whatever the pieces", arguments: [1, 2, 3, 1000])
    func rows(pieces: Int) {
        #expect(rows("a,b\r\nc,d", pieces: pieces) == [["a", "b"], ["c", "d"]])
        #expect(rows("a,b\nc,d\n", pieces: pieces) == [["a", "b"], ["c", "d"]])
        #expect(rows(#""a,"",b","x"# + "\r\ny\"\r\n", pieces: pieces) == [["a,\",b", "x\r\ny"]])
        #expect(rows("a,,\n\n\"\"\n,\n", pieces: pieces) == [["a", "", ""], [""], ["", ""]])
        #expect(rows("a\rb\n", pieces: pieces) == [["a\rb"]])
        #expect(rows("\"é\n\"", pieces: pieces) == [["é\n"]])
        #expect(rows("", pieces: pieces) == [])
    }

    @Test("Rows that are none are told, and do not spoil the next", arguments: [1, 1000])
    func malformed(pieces: Int) {
        #expect(
            rows("a\"b\nc\n", pieces: pieces) == [["! it has a quote in a field that does not begin with one"], ["c"]])
        #expect(
            rows("\"a\"b\nc\n", pieces: pieces)
                == [["! it has something between a closing quote and the next comma"], ["c"]])
        #expect(
            rows("\"a\nb\n", pieces: pieces) == [["! its last field begins with a quote that is never closed"]])
        #expect(
            rows(String(repeating: "x", count: 2000) + "\nc\n", pieces: pieces)
                == [["! it is longer than any entry can be"], ["c"]])
    }

    @Test("A value is a string, what is in a column json is JSON")
    func values() throws {
        try withFile("a.csv", "\u{FEFF}value,other,key,ttl\r\n12,x,a,\r\n\"{\"\"x\"\":1}\",x,b,60\r\n,x,c,0\r\n") {
            path in
            let loaded = try load(path)
            #expect(loaded.report.loaded == 2)
            #expect(loaded.report.expired == 1)
            #expect(loaded.value("a") == #""12""#)
            #expect(loaded.value("b") == #""{\"x\":1}""#)
        }
        try withFile("a.csv", "key,json\na,12\nb,\"{\"\"x\"\": 1}\"\nc,nonsense\n") { path in
            let loaded = try load(path)
            #expect(loaded.value("a") == "12")
            #expect(loaded.value("b") == #"{"x":1}"#)
            #expect(loaded.report.errors.map(\.line) == [3])
            #expect(loaded.report.errors.first?.code == .invalidJSON)
        }
    }

    @Test("Rows that cannot be items are counted, with the reason")
    func badRows() throws {
        try withFile("a.csv", "key,value,ttl\na\n,x,\nb,y,soon\nc,z,1\n") { path in
            let loaded = try load(path)
            #expect(loaded.report.loaded == 1)
            #expect(
                loaded.report.errors.map(\.detail) == [
                    "the row has 1 fields; the first row has 3",
                    "the key is empty; it must have 1 to \(EntryLimits.ofStore.maxKeyBytes) bytes",
                    "ttl is soon; it must be a number of seconds, at most 315360000",
                ])
        }
    }

    @Test(
        "The first row must name the columns",
        arguments: [
            ("", "it is empty; its first row must name the columns"),
            (
                "k,value\n",
                "there is no column named key; there must be key and value, and may be ttl (there are: k, value)"
            ),
            (
                "key,v\n",
                "there is no column named value; there must be key and value, and may be ttl (there are: key, v)"
            ),
            ("key,value,key\n", "there are two columns named key; there must be one"),
            ("key,value,json\n", "there is a column named value and one named json; there must be one of them"),
        ])
    func columns(text: String, reason: String) throws {
        try withFile("a.csv", text) { path in
            let found = try CacheSourcesTests.reason(path)
            #expect(found == "\(path): \(reason)")
        }
    }
}
