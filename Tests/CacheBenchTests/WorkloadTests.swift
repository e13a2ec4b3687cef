import Testing

@testable import cache_bench

@Suite("The workload")
struct WorkloadTests {
    private let workload = Workload(seed: 7)

    @Test("keys and values have the sizes that the tables state")
    func sizes() {
        for number in [0, 42, Workload.keyCount - 1] {
            #expect(workload.key(number).utf8.count == Workload.keyBytes)
            #expect(workload.absentKey(number).utf8.count == Workload.keyBytes)
            #expect(workload.value(number).utf8.count == Workload.valueBytes)
        }
        #expect(workload.key(42) == "key:000000000042")
    }

    @Test("every key is asked for once a round, in an order that the seed gives")
    func order() {
        #expect(workload.order.sorted() == Array(0..<Workload.keyCount))
        #expect(workload.order == Workload(seed: 7).order)
        #expect(workload.order != Workload(seed: 8).order)
        #expect(workload.batches == Workload(seed: 7).batches)
    }

    @Test("a bulk request names no key twice")
    func batches() {
        #expect(workload.batches.allSatisfy { Set($0).count == Workload.batchSize && $0.count == Workload.batchSize })
        #expect(workload.pieces.flatMap { Array($0) } == Array(0..<Workload.keyCount))
    }

    @Test("a request states the bytes of its body")
    func request() {
        let put = HTTPRequest(method: "PUT", target: "/keys/a", body: "\"é\"")
        #expect(
            put.text(port: 80)
                == "PUT /keys/a HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: application/json\r\n"
                + "Content-Length: 4\r\n\r\n\"é\"")
        let get = HTTPRequest(method: "GET", target: "/")
        #expect(get.text(port: 80) == "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n")
    }

    @Test("the cache has a load for every scenario", arguments: Scenario.allCases)
    func loads(scenario: Scenario) {
        #expect(Peer.productionCache.load(scenario, workload) != nil)
    }
}
