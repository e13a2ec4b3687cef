import CacheCore
import Testing

@testable import cache_bench

@Suite("Rows of the micro benchmark")
struct MicroRowTests {
    @Test("every contender of every row finds all that it is asked for")
    func rows() throws {
        let stores = try MicroStores(entries: 500)
        let numbers = stores.numbers(.zipf, count: 1200, seed: 1)
        let rows = [
            stores.reads(.get, "get", numbers), stores.writes(.put, "put", numbers),
            stores.bulkReads("mget", numbers), try MicroStores.typedReads("typed", entries: 500, numbers),
        ]
        for row in rows {
            let result = try row.result(rounds: 2, seconds: 0)
            #expect(result.contenders.map(\.id) == row.contenders.map(\.id))
            #expect(result.contenders.allSatisfy { $0.rounds.count == 2 && $0.median.operation > 0 })
        }
        let alone = try rows[0].result(rounds: 1, seconds: 0, only: .dictionary)
        #expect(alone.contenders.map(\.id) == [.dictionary])
    }

    @Test("a key that is not there ends the run")
    func missing() throws {
        let stores = try MicroStores(entries: 10)
        let row = stores.reads(.get, "get", [3, 10])
        #expect(throws: BenchmarkError.self) { try row.result(rounds: 1, seconds: 0) }
    }

    @Test("entries are asked for in their order, all before one comes again")
    func order() throws {
        final class Seen { var numbers: [Int] = [] }
        let seen = Seen()
        let contender = MicroRow.Contender(id: .cache, title: "") { numbers in
            seen.numbers += numbers
            return { numbers.count }
        }
        let numbers = Array((0..<1234).reversed())
        _ = try MicroRow(id: .get, title: "", numbers: numbers, contenders: [contender]).result(rounds: 1, seconds: 0)
        #expect(seen.numbers == numbers + numbers)
    }

    @Test("threads together do what they are asked", arguments: [1, 2, 5])
    func threads(count: Int) throws {
        let stores = try MicroStores(entries: 100, withFoundationCache: false)
        let keys = stores.probes(0..<100)
        let load = ThreadedLoad(
            on: Array(repeating: stores.cache, count: count), keys: keys, value: MicroStores.value)
        #expect(try load.rate(seconds: 0.01) > 0)
        #expect(stores.cache.cache.getStats().misses == 0)
    }

    @Test("threads whose keys are not there end the run")
    func threadsMissing() {
        struct Forgetful: MicroReader, MicroWriter {
            func get(_ key: String) -> UInt8? { nil }
            func put(_ key: String, _ value: [UInt8]) {}
        }
        let load = ThreadedLoad(on: [Forgetful(), Forgetful()], keys: ["a", "b"], value: [])
        #expect(throws: BenchmarkError.self) { try load.rate(seconds: 0.01) }
    }
}
