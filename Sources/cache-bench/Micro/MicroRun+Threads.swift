extension MicroRun {
    /// Reads and writes by one thread, by as many as the smallest machine has cores, and by many more.
    private static var threadCounts: [Int] { [1, 2, 64] }

    func threads() throws -> [ThreadResult] {
        let stores = try MicroStores(entries: entries)
        let own = try MicroStores(entries: entries)
        guard let foundationCache = stores.foundationCache else { return [] }
        let keys = stores.probes(numbers(of: stores, .uniform))
        func load<Store: MicroReader & MicroWriter>(_ stores: [Store]) throws -> Double {
            try ThreadedLoad(on: stores, keys: keys, value: MicroStores.value).rate(seconds: seconds)
        }
        let contenders: [(id: MicroContender, title: String, counts: [Int], rate: (Int) throws -> Double)] = [
            (.cache, "Production Cache", Self.threadCounts, { try load(Array(repeating: stores.cache, count: $0)) }),
            (
                .privateCaches, "a Production Cache each", [1, 2],
                { try load(Array([stores.cache, own.cache].prefix($0))) }
            ),
            (
                .dictionary, "Dictionary, rwlock", Self.threadCounts,
                { try load(Array(repeating: stores.dictionary, count: $0)) }
            ),
            (
                .foundationCache, "NSCache", Self.threadCounts,
                { try load(Array(repeating: foundationCache, count: $0)) }
            ),
        ].filter { only == nil || $0.id == only }
        var rates: [[[Double]]] = contenders.map { $0.counts.map { _ in [] } }
        for round in 0...rounds {
            for (index, contender) in contenders.enumerated() {
                for (place, count) in contender.counts.enumerated() {
                    Progress.show("threads · round \(round) of \(rounds) · \(contender.title) · \(count)")
                    let rate = try contender.rate(count)
                    // The first round warms up.
                    if round > 0 { rates[index][place].append(rate) }
                }
            }
        }
        return zip(contenders, rates).map { contender, rates in
            ThreadResult(
                id: contender.id, title: contender.title,
                entries: zip(contender.counts, rates).map { ThreadResult.Entry(threads: $0, rounds: $1) })
        }
    }
}
