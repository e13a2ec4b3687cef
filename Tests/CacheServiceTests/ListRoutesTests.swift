import CacheCore
import MicroHTTP
import Testing

@testable import CacheService

struct ListRoutesTests {
    @Test func onePage() throws {
        let fixture = try ServiceFixture()
        _ = fixture.put("/keys/a?ttl=2.5", "[1, 2]")
        fixture.clock.advance(by: .milliseconds(250))
        #expect(fixture.get("/keys").body == "{\"keys\":[{\"key\":\"a\",\"ttl\":2.25,\"size\":5}],\"cursor\":null}\n")
        _ = fixture.put("/keys/a", "1")
        #expect(fixture.get("/keys").body == "{\"keys\":[{\"key\":\"a\",\"ttl\":null,\"size\":1}],\"cursor\":null}\n")
        #expect(try ServiceFixture().get("/keys").body == "{\"keys\":[],\"cursor\":null}\n")
    }

    @Test(arguments: [1, 3, 7, 1000])
    func everyKeyOnceWhateverThePage(limit: Int) throws {
        let fixture = try ServiceFixture()
        let names = Set((0..<100).map { "user:\($0)" })
        for name in names { _ = fixture.put("/keys/\(name)", "1") }
        for other in 0..<50 { _ = fixture.put("/keys/other:\(other)", "1") }
        var found: [String] = []
        var cursor = ""
        repeat {
            let page = fixture.get("/keys?prefix=user%3A&limit=\(limit)\(cursor)").body
            let keys = page.split(separator: "\"key\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
            #expect(keys.count <= limit)
            found += keys
            let end = page.split(separator: "\"cursor\":").last ?? ""
            cursor = end.hasPrefix("null") ? "" : "&cursor=\(end.dropFirst().prefix { $0 != "\"" })"
        } while cursor != ""
        #expect(found.count == names.count)
        #expect(Set(found) == names)
    }

    @Test(arguments: [
        "limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1.5", "cursor=", "cursor=xyz",
        "cursor=000000000000000000000000", "prefix=%zz", "prefix=%ff",
    ])
    func notAQuery(query: String) throws {
        #expect(try ServiceFixture().get("/keys?\(query)").problem == "400 invalid_query")
    }

    @Test func clearing() throws {
        let fixture = try ServiceFixture()
        _ = fixture.post("/mput", "{\"items\":{\"a:1\":1,\"a:2\":1,\"a b\":1,\"b\":1}}")
        #expect(fixture.send(.delete, "/keys?prefix=a+b").body == "{\"deleted\":1}\n")
        #expect(fixture.send(.delete, "/keys?prefix=%zz").problem == "400 invalid_query")
        #expect(fixture.send(.delete, "/keys?prefix=a:").body == "{\"deleted\":2}\n")
        #expect(fixture.send(.delete, "/keys").body == "{\"deleted\":1}\n")
        #expect(fixture.cache.getStats().deletes == 4)
    }
}
