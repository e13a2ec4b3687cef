internal import Testing

@testable internal import MicroHTTP

struct HTTPDateTests {
    /// The first is the example of RFC 9110, section 5.6.7.
    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ])
    func isWrittenAsHTTPHasIt(seconds: Int, expected: String) {
        var date = HTTPDate()
        #expect(String(cString: date.string(at: seconds)) == expected)
        #expect(expected.utf8.count == HTTPDate.count)
    }

    @Test func followsTheTimeBothWays() {
        var date = HTTPDate()
        for (seconds, expected) in [(59, "00:00:59"), (60, "00:01:00"), (60, "00:01:00"), (59, "00:00:59")] {
            #expect(String(cString: date.string(at: seconds)) == "Thu, 01 Jan 1970 \(expected) GMT")
        }
    }
}
