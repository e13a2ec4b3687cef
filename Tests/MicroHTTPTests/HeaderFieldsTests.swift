internal import Testing

@testable internal import MicroHTTP

struct HeaderFieldsTests {
    private func pairs(_ fields: HeaderFields) -> [String] { fields.all.map { "\($0.name)=\($0.value)" } }

    @Test func noneAtFirst() {
        #expect(HeaderFields().all.isEmpty)
        #expect(HeaderFields()["Age"] == nil)
    }

    @Test func keepsTheOrderAndDuplicates() {
        var fields = HeaderFields(byteCount: 1)
        fields.add("Age", "1")
        fields.add("Empty", "")
        fields.add("ETag") { $0 += Array("\"x\"".utf8) }
        fields.add("Age", String("2"))
        #expect(pairs(fields) == ["Age=1", "Empty=", "ETag=\"x\"", "Age=2"])
        #expect(fields["age"] == "1")
        #expect(fields["EMPTY"] == "")
    }

    @Test func cStringsAreTheSameFields() {
        var fields = HeaderFields()
        fields.add("A", "1")
        fields.add("B", "")
        fields.add("C", "three")
        var told: [String] = []
        fields.forEachCString { name, value in told.append("\(String(cString: name))=\(String(cString: value))") }
        #expect(told == ["A=1", "B=", "C=three"])
        HeaderFields().forEachCString { _, _ in Issue.record("there is no field") }
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
        var count = 0
        fields.forEachCString { _, _ in count += 1 }
        #expect(count == 2)
        let text = String(decoding: serialize(Response(status: 200, headers: fields))!, as: UTF8.self)
        #expect(text.split(separator: "\r\n").count == 5)
    }

    @Test func aTabAndLettersOfAnyKindStay() {
        var fields = HeaderFields()
        fields.add("Text", "a\tb é 漢")
        #expect(fields["Text"] == "a\tb é 漢")
    }
}
