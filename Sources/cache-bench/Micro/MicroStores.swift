/// The stores that are compared, with the same entries in each.
struct MicroStores {
    let cache: CacheStore
    let dictionary: DictionaryStore
    /// Left out where there are very many entries, for which it takes too much memory and time.
    let foundationCache: FoundationCacheStore?
    let keys: NumberedKeys
    let entries: Int
    let value: [UInt8]

    /// Longer than the 15 bytes that a Swift string has room for in itself, as keys of applications are.
    static let usualKeys = NumberedKeys(prefix: "user:profile:", digits: 7)
    /// Short enough for that.
    static let shortKeys = NumberedKeys(prefix: "u:", digits: 7)
    static let value = ValueText(upTo: 64).bytes(64, of: 0)

    /// Makes the stores and puts all entries in.
    init(entries: Int, keys: NumberedKeys = Self.usualKeys, withFoundationCache: Bool = true) throws {
        self.entries = entries
        self.keys = keys
        value = Self.value
        cache = try CacheStore(entries: entries)
        dictionary = DictionaryStore(entries: entries)
        foundationCache = withFoundationCache ? FoundationCacheStore() : nil
        for number in 0..<entries {
            // A string for each, as there would be if each store were filled by itself.
            cache.put(keys[number], value)
            dictionary.put(keys[number], value)
            foundationCache?.put(keys[number], value)
        }
    }

    /// The numbers of entries to ask for.
    func numbers(_ choice: KeyChoice, count: Int, seed: UInt64) -> [Int] {
        choice.numbers(count, below: entries, seed: seed)
    }

    /// Keys to ask for: strings equal to those that are stored and never the same object, because by identity equality is
    /// settled without a look at the text.
    func probes(_ numbers: some Sequence<Int>) -> [String] { numbers.map { keys[$0] } }
}
