import CacheCore
import Foundation

extension MicroStores {
    /// Reads of the entries.
    func reads(_ id: MicroRow.ID, _ title: String, _ numbers: [Int]) -> MicroRow {
        func contender(
            _ id: MicroContender, _ title: String, _ store: some MicroReader
        ) -> MicroRow.Contender {
            MicroRow.Contender(id: id, title: title) { numbers in
                let keys = probes(numbers)
                return { try store.getAll(keys) }
            }
        }
        var contenders = [
            contender(.cache, "Production Cache", cache),
            contender(.cacheCopying, "Production Cache, copying", CacheStore.Copying(cache: cache.cache)),
            contender(.dictionary, "Dictionary, rwlock", dictionary),
        ]
        if let foundationCache { contenders.append(contender(.foundationCache, "NSCache", foundationCache)) }
        return MicroRow(id: id, title: title, numbers: numbers, contenders: contenders)
    }

    /// Writes of the entries, all of which are there already.
    func writes(_ id: MicroRow.ID, _ title: String, _ numbers: [Int]) -> MicroRow {
        func contender(
            _ id: MicroContender, _ title: String, _ store: some MicroWriter
        ) -> MicroRow.Contender {
            MicroRow.Contender(id: id, title: title) { numbers in
                let keys = probes(numbers)
                return { store.putAll(keys, value) }
            }
        }
        var contenders = [
            contender(.cache, "Production Cache", cache),
            contender(.dictionary, "Dictionary, rwlock", dictionary),
            contender(.dictionarySharing, "Dictionary, rwlock, no copy", DictionaryStore.Sharing(store: dictionary)),
        ]
        if let foundationCache { contenders.append(contender(.foundationCache, "NSCache", foundationCache)) }
        return MicroRow(id: id, title: title, numbers: numbers, contenders: contenders)
    }

    /// Bulk reads of the entries beside single reads that give the same; an operation is a key.
    func bulkReads(_ title: String, _ numbers: [Int]) -> MicroRow {
        func bulk(_ id: MicroContender, _ title: String, _ read: @escaping ([String]) throws -> Int)
            -> MicroRow.Contender
        {
            MicroRow.Contender(id: id, title: title) { numbers in
                let keys = probes(numbers)
                let batches = stride(from: 0, to: keys.count, by: Workload.batchSize)
                    .map { Array(keys[$0..<min($0 + Workload.batchSize, keys.count)]) }
                // A bulk read answers a key once, however often it is named.
                let distinct = batches.reduce(0) { $0 + Set($1).count }
                return {
                    var found = 0
                    for batch in batches { found += try read(batch) }
                    try requireAll(distinct, found)
                    return keys.count
                }
            }
        }
        func single(_ id: MicroContender, _ title: String, _ store: some MicroReader) -> MicroRow.Contender {
            MicroRow.Contender(id: id, title: title) { numbers in
                let keys = probes(numbers)
                return { try store.getAll(keys) }
            }
        }
        let cache = cache.cache
        return MicroRow(
            id: .mget, title: title, numbers: numbers,
            contenders: [
                bulk(.cache, "mget of \(Workload.batchSize)") { batch in
                    var found = 0
                    try cache.withJSON(batch) { if $1 != nil { found += 1 } }
                    return found
                },
                bulk(.cacheCopying, "mget of \(Workload.batchSize), to a dictionary") { try cache.mgetJSON($0).count },
                single(.cacheSingle, "single gets", self.cache),
                single(.cacheSingleCopying, "single gets, copying", CacheStore.Copying(cache: cache)),
            ])
    }

    /// Reads of Codable values beside the decoding alone.
    static func typedReads(_ title: String, entries: Int, _ numbers: [Int]) throws -> MicroRow {
        let cache = try ProductionCache(capacity: entries * 2)
        let encoder = JSONEncoder()
        var texts: [Data] = []
        for number in 0..<entries {
            let text = try encoder.encode(TypedValue(number))
            try cache.putJSON(usualKeys[number], text)
            texts.append(text)
        }
        let decoder = JSONDecoder()
        return MicroRow(
            id: .typed, title: title, numbers: numbers,
            contenders: [
                MicroRow.Contender(id: .cache, title: "typed get") { numbers in
                    let keys = numbers.map { usualKeys[$0] }
                    return {
                        var found = 0
                        for key in keys where try cache.get(key, as: TypedValue.self) != nil { found += 1 }
                        try requireAll(keys.count, found)
                        return found
                    }
                },
                MicroRow.Contender(id: .decoder, title: "JSONDecoder alone") { [texts] numbers in
                    let texts = numbers.map { texts[$0] }
                    return {
                        var found = 0
                        for text in texts where try !decoder.decode(TypedValue.self, from: text).name.isEmpty {
                            found += 1
                        }
                        try requireAll(texts.count, found)
                        return found
                    }
                },
            ])
    }
}
