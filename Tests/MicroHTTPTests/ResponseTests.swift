internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

struct ResponseTests {
    @Test func knowsHowLongItsBodyIs() {
        #expect(Response(status: 204).byteCount == 0)
        #expect(Response(status: 200, body: .bytes([1, 2, 3])).byteCount == 3)
        #expect(Response(status: 200, body: .stream(Nothing())).byteCount == nil)
        let constant: StaticString = "constant"
        let bytes = UnsafeRawBufferPointer(start: constant.utf8Start, count: constant.utf8CodeUnitCount)
        #expect(Response(status: 200, body: .constant(bytes)).byteCount == 8)
        #expect(Response(status: 200, body: .lent(Loan.make(12, returned: Tally()))).byteCount == 12)
    }

    @Test func collectsItsBody() {
        #expect(Response(status: 204).collectBody() == [])
        #expect(Response(status: 200, body: .bytes([1, 2])).collectBody() == [1, 2])
        #expect(Response(status: 200, body: .stream(Nothing())).collectBody() == [])
        let returned = Tally()
        #expect(Response(status: 200, body: .lent(Loan.make(2, returned: returned))).collectBody() == Array("LL".utf8))
        #expect(returned.value == 1)
    }

    @Test func lentBytesGoBackWhenTheResponseIsDropped() {
        let returned = Tally()
        do {
            let response = Response(status: 200, body: .lent(Loan.make(100, returned: returned)))
            #expect(returned.value == 0)
            _ = consume response
        }
        #expect(returned.value == 1)
    }

    @Test func whoTakesTheDutyGivesBack() {
        let returned = Tally()
        let (bytes, token, release) = Loan.make(100, returned: returned).take()
        #expect(returned.value == 0)
        #expect(bytes.allSatisfy { $0 == Loan.content })
        release(token)
        #expect(returned.value == 1)
    }

    @Test func serializesAllThatIsAtHand() {
        func text(_ response: consuming Response) -> String? {
            serialize(response, date: "now").map { String(decoding: $0, as: UTF8.self) }
        }
        var headers = HeaderFields()
        headers.add("A", "1")
        #expect(
            text(Response(status: 413, headers: headers, body: .bytes(Array("xyz".utf8))))
                == "HTTP/1.1 413 Content Too Large\r\nDate: now\r\nA: 1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz"
        )
        #expect(
            text(Response(status: 400))
                == "HTTP/1.1 400 Bad Request\r\nDate: now\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        #expect(text(Response(status: 200, body: .stream(Nothing()))) == nil)
        let returned = Tally()
        #expect(
            text(Response(status: 200, body: .lent(Loan.make(2, returned: returned))))?.hasSuffix("\r\n\r\nLL") == true)
        #expect(returned.value == 1)
    }

    private final class Nothing: BodyProducer {
        func nextPiece() -> [UInt8]? { nil }
    }
}
