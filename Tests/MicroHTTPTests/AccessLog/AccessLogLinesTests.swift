internal import Testing

@testable internal import MicroHTTP

/// What a line of the access log says, to the byte.
struct AccessLogLinesTests {
    private func line(_ format: AccessLog.Format, _ add: (LoggedLines) -> Void) -> String {
        let log = LoggedLines(format)
        add(log)
        return log.readLine()
    }

    @Test func jsonSaysAll() {
        let line = line(.json) {
            $0.add(userAgent: "curl/8", referer: "http://a/", traceparent: "00-4bf9-00f0-01", bytes: 0)
        }
        #expect(
            line == #"{"time":"2026-11-26T11:15:00.123Z","client":"127.0.0.1","method":"GET","target":"/keys/a?x=1","#
                + #""protocol":"HTTP/1.1","status":200,"bytes":0,"duration_us":12,"user_agent":"curl/8","#
                + #""referer":"http://a/","traceparent":"00-4bf9-00f0-01"}"#)
    }

    @Test func jsonLeavesOutWhatIsAbsent() {
        let line = line(.json) { $0.add(target: "/", version: "HTTP/1.0", client: nil, status: 404) }
        #expect(
            line == #"{"time":"2026-11-26T11:15:00.123Z","method":"GET","target":"/","protocol":"HTTP/1.0","#
                + #""status":404,"bytes":64,"duration_us":12}"#)
    }

    @Test func combinedSaysAll() {
        let line = line(.combined) {
            $0.add(
                method: "OPTIONS", target: "*", client: "2001:db8::1", userAgent: "curl/8", referer: "http://a/",
                traceparent: "00-4bf9-00f0-01", status: 204, bytes: 0)
        }
        #expect(
            line == #"2001:db8::1 - - [26/Nov/2026:11:15:00 +0000] "OPTIONS * HTTP/1.1" 204 0 "http://a/" "curl/8" "#
                + #""00-4bf9-00f0-01""#)
    }

    @Test func combinedHasDashesForWhatIsAbsent() {
        let line = line(.combined) { $0.add(client: nil) }
        #expect(line == #"- - - [26/Nov/2026:11:15:00 +0000] "GET /keys/a?x=1 HTTP/1.1" 200 64 "-" "-""#)
    }

    @Test(arguments: ["0.0.0.0", "9.10.99.100", "255.255.255.255", "::", "::1", "2001:db8:1:2:3:4:5:6", "fe80::1"])
    func theClientIsAnAddress(client: String) {
        #expect(line(.combined) { $0.add(client: client) }.hasPrefix("\(client) - - ["))
    }

    @Test func theClientOfEachLineIsItsOwn() {
        let log = LoggedLines(.combined)
        let clients = ["10.0.0.1", "10.0.0.1", nil, "2001:db8::1", "10.0.0.2", nil]
        for client in clients { log.add(client: client) }
        let written = log.read().split(separator: "\n").map { line in String(line.prefix { $0 != " " }) }
        #expect(written == clients.map { $0 ?? "-" })
    }

    @Test(arguments: [0, 9, 10, 99, 100, 12345, 4_294_967_296, Int(Int64.max)])
    func numbersAreWhole(number: Int) {
        #expect(line(.json) { $0.add(bytes: number) }.contains(#""bytes":\#(number),"#))
    }

    @Test(arguments: [(0, 0), (999, 0), (1000, 1), (59_999_999_999, 59_999_999), (-1, 0)] as [(Int64, Int)])
    func durationsAreMicroseconds(nanoseconds: Int64, microseconds: Int) {
        let line = line(.json) { $0.add(begun: 5_000_000_000, ended: 5_000_000_000 + nanoseconds) }
        #expect(line.hasSuffix(#""duration_us":\#(microseconds)}"#))
    }

    // MARK: Time

    private func times(_ log: LoggedLines) -> [String] {
        log.read().split(separator: "\n").map { String($0.dropFirst(9).prefix(24)) }
    }

    @Test func timeGoesOnWithinASecondAndIntoTheNext() {
        let log = LoggedLines(.json, timeOfDay: 951_782_399.5)
        // The log's own clock starts anywhere; the time of day is read where a second of it begins.
        for milliseconds in [0, 1, 499] as [Int64] { log.add(ended: 7_777_000_000 + milliseconds * 1_000_000) }
        log.timeOfDay += 500_000_000
        log.add(ended: 8_277_000_000)
        log.add(ended: 8_277_999_999)
        #expect(
            times(log) == [
                "2000-02-28T23:59:59.500Z", "2000-02-28T23:59:59.501Z", "2000-02-28T23:59:59.999Z",
                "2000-02-29T00:00:00.000Z", "2000-02-29T00:00:00.000Z",
            ])
    }

    @Test func timeThatIsSetIsHeardOfAtTheNextSecond() {
        let log = LoggedLines(.json, timeOfDay: 0.9)
        log.add(ended: 0)
        log.timeOfDay = 3_600_000_000_000
        log.add(ended: 50_000_000)
        log.add(ended: 100_000_000)
        log.timeOfDay = 1_999_000_000
        log.add(ended: 1_100_000_000)
        #expect(
            times(log) == [
                "1970-01-01T00:00:00.900Z", "1970-01-01T00:00:00.950Z", "1970-01-01T01:00:00.000Z",
                "1970-01-01T00:00:01.999Z",
            ])
    }

    // MARK: What clients make up

    @Test(arguments: [
        (#"a"b\c"#, #"a\"b\\c"#), ("a\nb\rc\td", #"a\nb\rc\td"#), ("\u{1}\u{1F}\u{7F}", #"\u0001\u001F\u007F"#),
        ("\u{85}\u{9B}\u{A0}é€😀", "\\u0085\\u009B\u{A0}é€😀"), (#"0123456""#, #"0123456\""#),
        (#"01234567""#, #"01234567\""#), ("0123456789 ~", "0123456789 ~"),
    ])
    func jsonEscapes(sent: String, written: String) {
        let line = line(.json) { $0.add(userAgent: Text(sent.utf8)) }
        #expect(line.hasSuffix(#","user_agent":"\#(written)"}"#))
    }

    @Test(
        arguments: [
            ([0xFF], 1), ([0xC3], 1), ([0xC0, 0xAF], 2), ([0xED, 0xA0, 0x80], 3), ([0xF4, 0x90, 0x80, 0x80], 4),
            ([0xE2, 0x82], 2), ([0xF0, 0x9F, 0x98], 3), ([0x80], 1), ([0xE0, 0x9F, 0xBF], 3),
        ] as [([UInt8], Int)])
    func jsonHasNoBytesThatAreNoText(bytes: [UInt8], count: Int) {
        let line = line(.json) { $0.add(target: Text(Array("/a".utf8) + bytes + Array("b".utf8))) }
        #expect(line.contains(#""target":"/a\#(String(repeating: #"\uFFFD"#, count: count))b","#))
    }

    @Test(arguments: [
        (#"a"b\c"#, #"a\x22b\x5Cc"#), ("a\r\nb\t\0", #"a\x0D\x0Ab\x09\x00"#), ("é\u{7F}", #"\xC3\xA9\x7F"#),
    ])
    func combinedEscapesAsNginxDoes(sent: String, written: String) {
        let line = line(.combined) { $0.add(userAgent: Text(sent.utf8)) }
        #expect(line.hasSuffix(" \"\(written)\""))
    }

    @Test(arguments: AccessLog.Format.allCases)
    func everyByteKeepsTheLineWhole(format: AccessLog.Format) {
        for byte in UInt8.min...UInt8.max {
            for count in [1, 7, 8, 9, 16, 17] {
                let text = Text([UInt8](repeating: byte, count: count))
                let line = line(format) {
                    $0.add(method: text, version: text, userAgent: text, referer: text, traceparent: text)
                }
                #expect(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F })
                let quotes = line.replacing("\\\\", with: "").replacing("\\\"", with: "").count { $0 == "\"" }
                #expect(quotes == (format == .json ? 38 : 8))
            }
        }
    }

    @Test(arguments: AccessLog.Format.allCases)
    func whatIsLongIsCut(format: AccessLog.Format) {
        let line = line(format) {
            $0.add(
                method: .repeating("M", 100), target: .repeating("t", 9000), version: .repeating("v", 100),
                userAgent: .repeating("u", 9000), referer: .repeating("r", 9000),
                traceparent: .repeating("p", 9000))
        }
        for (letter, count) in [("M", 32), ("t", 2048), ("v", 16), ("u", 512), ("r", 512), ("p", 128)] {
            #expect(line.contains(String(repeating: letter, count: count)))
            #expect(!line.contains(String(repeating: letter, count: count + 1)))
        }
    }

    @Test func theQueryIsCutWithThePath() {
        func target(_ path: Int, _ query: Int) -> Int {
            let text = Text((String(repeating: "p", count: path) + "?" + String(repeating: "q", count: query)).utf8)
            return line(.combined) { $0.add(target: text) }.split(separator: " ")[6].count
        }
        #expect(target(1000, 1047) == 2048)
        #expect(target(1000, 1048) == 2048)
        #expect(target(2047, 5) == 2048)
        #expect(target(2048, 5) == 2048)
        #expect(target(5000, 5) == 2048)
    }

    /// An escape is written whole or not at all, so that what is cut is JSON still.
    @Test(arguments: ["\u{1}", "\"", "é", "€", "😀", "\u{85}"])
    func noEscapeIsCut(character: Character) {
        for shift in 0..<6 {
            let text = Text((String(repeating: "x", count: shift) + String(repeating: character, count: 600)).utf8)
            let json = line(.json) { $0.add(userAgent: text) }
            #expect(!json.contains("\u{FFFD}"))
            let agent = json.split(separator: #"user_agent":""#)[1].dropLast(2)
            #expect((507...512).contains(agent.utf8.count))
            #expect(agent.utf8.last != UInt8(ascii: "\\") || agent.hasSuffix("\\\\"))
            let combined = line(.combined) { $0.add(userAgent: text) }
            #expect(combined.split(separator: "\"").last!.utf8.count <= 512)
        }
    }

    @Test(arguments: AccessLog.Format.allCases)
    func noLineIsLongerThanAPipeTakesAtOnce(format: AccessLog.Format) {
        let text = Text.repeating("\u{1}", 9000)
        let line = line(format) {
            $0.add(
                method: text, target: text, version: text, client: "2001:db8:1111:2222:3333:4444:5555:6666",
                userAgent: text, referer: text, traceparent: text, bytes: .max, ended: .max)
        }
        #expect(line.utf8.count < AccessLogLines.mostBytes)
    }
}
