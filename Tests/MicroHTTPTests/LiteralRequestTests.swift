internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

struct LiteralRequestTests {
    private func answer(
        _ method: Method, _ target: String, headers: [(String, String)] = [], body: String = "",
        respond: @escaping @Sendable (Request) -> Response = TestHandler.echo,
        admit: @escaping @Sendable (RequestHead) -> Admission = { _ in .collect(limit: 100) }
    ) -> String {
        let request = LiteralRequest(method, target, headers: headers, body: Array(body.utf8))
        let response = request.answer(by: TestHandler(onAdmit: admit, onRespond: respond))
        return String(decoding: response.collectBody(), as: UTF8.self)
    }

    @Test func handsOnMethodPathAndBody() {
        #expect(answer(.put, "/a/b?c=d", body: "text") == "PUT /a/b text")
        #expect(answer(.get, "/") == "GET / ")
        #expect(answer(.get, "") == "GET  ")
    }

    @Test func findsHeadersWhateverTheCase() {
        let text = answer(.get, "/", headers: [("Content-TYPE", "a"), ("X", "1"), ("x", "2"), ("Empty", "")]) {
            request in
            let found = ["content-type", "CONTENT-TYPE", "x", "empty", "absent"] as [StaticString]
            return .text(found.map { request.head.header($0).map { String($0) } ?? "nil" }.joined(separator: ","))
        }
        #expect(text == "a,a,1,,nil")
    }

    @Test func findsParametersAsFormsWriteThem() {
        let text = answer(.get, "/p?a=1&b&c=&d=x+y%20z&e=f=g?h&a=2") { request in
            let found = ["a", "b", "c", "d", "e", "A", "f"] as [StaticString]
            return .text(found.map { request.head.parameter($0).map { String($0) } ?? "nil" }.joined(separator: ","))
        }
        #expect(text == "1,,,x+y%20z,f=g?h,nil,nil")
    }

    @Test func aBodyIsAdmittedFirst() {
        #expect(answer(.put, "/x", body: "12345", admit: { _ in .collect(limit: 5) }) == "PUT /x 12345")
        #expect(answer(.put, "/x", body: "123456", admit: { _ in .collect(limit: 5) }) == "PUT /x: over the limit of 5")
        #expect(answer(.put, "/x", body: "1", admit: { _ in .refuse(.text("no")) }) == "no")
        #expect(
            answer(.put, "/x", body: "1", admit: { .refuse(.text("\($0.framing)")) }) == "length(1)")
        #expect(answer(.put, "/x", admit: { _ in .refuse(.text("not asked")) }) == "PUT /x ")
        #expect(answer(.put, "/x", body: "abc", admit: { _ in .stream(Reverser()) }) == "cba")
    }

    @Test func aBodyHasItsPadding() {
        let text = answer(.put, "/x", body: "7") { request in
            let start = request.body.baseAddress!
            let padding = (1...Request.padding).map { start.load(fromByteOffset: $0, as: UInt8.self) }
            return .text("\(padding.count)")
        }
        #expect(text == "64")
    }

    private final class Reverser: BodyReceiver {
        private var bytes: [UInt8] = []
        func receive(_ piece: BorrowedBytes) { bytes += piece }
        func respond() -> Reply { .now(Response(status: 200, body: .bytes(bytes.reversed()))) }
    }
}
