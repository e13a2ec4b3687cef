internal import Testing

@testable internal import MicroHTTP

struct MethodTests {
    private func read(_ name: String) -> Method { Array(name.utf8).withUnsafeBytes { Method($0) } }

    @Test(arguments: Method.allCases.filter { $0 != .other })
    func readsItsName(method: Method) {
        #expect(read("\(method.name)") == method)
    }

    @Test(arguments: ["", "get", "Get", "GETT", "GE", "query", "TRACE", "CONNECT", "OTHER", "PROPFIND", " GET"])
    func anythingElseIsOther(name: String) {
        #expect(read(name) == .other)
    }
}
