internal import Testing

@testable internal import MicroHTTP

struct HeaderFieldsTests {
    private func pairs(_ fields: HeaderFields) -> [String] { fields.all.map { "\($0.name)=\($0.value)" } }

    @Test func noneAtFirst() {
        #expect(HeaderFields().all.isEmpty)
        #expect(HeaderFields()["Age"] == nil)
    }

    @Test func keepsTheOrderAndDuplicates() {
        var fields = HeaderFields()
        fields.add("Age", "1")
        fields.add("Empty", "")
        fields.add("ETag", String("\"a:b\""))
        fields.add("Age", String("2"))
        #expect(pairs(fields) == ["Age=1", "Empty=", "ETag=\"a:b\"", "Age=2"])
        #expect(fields["age"] == "1")
        #expect(fields["EMPTY"] == "")
    }

    @Test func fieldsThatAreWrittenAtOnceAreTheSame() {
        func append(_ line: String, to text: inout OutputSpan<UInt8>) {
            for byte in line.utf8 { text.append(byte) }
        }
        var fields = HeaderFields(capacity: 64) { text in
            append("Age: 1\r\n", to: &text)
            append("Empty: \r\n", to: &text)
        }
        fields.add("Last", "three")
        #expect(pairs(fields) == ["Age=1", "Empty=", "Last=three"])
        #expect(HeaderFields(capacity: 8) { _ in }.all.isEmpty)
    }

    /// A text of a client must not be able to end its field and begin another, or to misplace those behind it.
    @Test(arguments: ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "\0", "\r\n\r\n<html>", "\u{7f}\u{1b}[31m"])
    func aValueCannotEndItsField(value: String) {
        var fields = HeaderFields()
        fields.add("First", value)
        fields.add("Second", "2")
        #expect(fields.all.count == 2)
        #expect(fields["Second"] == "2")
        #expect(fields["First"]?.utf8.count == value.utf8.count)
        #expect(fields["First"]?.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } == true)
        let response = serialize(Response(status: 200, headers: fields), date: "now")!
        #expect(String(decoding: response, as: UTF8.self).split(separator: "\r\n").count == 6)
    }

    @Test func aTabAndLettersOfAnyKindStay() {
        var fields = HeaderFields()
        fields.add("Text", "a\tb é 漢")
        #expect(fields["Text"] == "a\tb é 漢")
    }
}
