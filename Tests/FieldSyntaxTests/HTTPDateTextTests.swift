import FieldSyntax
import Testing

@Suite("Dates of fields")
struct HTTPDateTextTests {
    @Test(
        "All three forms are read (RFC 9110, section 5.6.7)",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ])
    func forms(text: String) {
        #expect(HTTPDateText.parse(text) == 784_111_777)
    }

    @Test("The epoch, leap days and years to come are read")
    func calendar() {
        #expect(HTTPDateText.parse("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDateText.parse("Thu, 29 Feb 2024 23:59:59 GMT") == 1_709_251_199)
        #expect(HTTPDateText.parse("Fri, 01 Jan 2100 00:00:00 GMT") == 4_102_444_800)
    }

    @Test(
        "What is no date is none",
        arguments: [
            "", "0", "-1", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nob 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        ])
    func faults(text: String) {
        #expect(HTTPDateText.parse(text) == nil)
    }
}
