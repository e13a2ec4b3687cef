internal import CacheCore
internal import MicroHTTP
internal import ReadThrough

/// `/mget`, `/mput`, `/mdelete`: many keys in one request.
extension CacheService {
    func mget(_ request: Request) throws(Problem) -> Reply {
        let keys = try readKeys(request)
        let values = cache.lookup(keys)
        guard let loader, !values.isComplete else { return .now(MgetReply(keys: keys, values: values).response) }
        return mget(keys, values, through: loader, traceparent: RequestReading.traceparent(of: request.head))
    }

    func mdelete(_ request: Request) throws(Problem) -> Response {
        let keys = try readKeys(request)
        return .json(["deleted": cache.delete(keys)])
    }

    /// The keys of a body that is `{"keys":[…]}` or `[…]`.
    private func readKeys(_ request: Request) throws(Problem) -> KeyBatch {
        try withDocument(request.body) { (document) throws(Problem) -> KeyBatch in
            var list = document.root
            if document.kind(of: list) == .object {
                guard let name = document.firstChild(of: list), document.string(name, equals: "keys"),
                    let content = document.nextSibling(of: name)
                else { throw Self.keysExpected }
                if let other = document.nextSibling(of: content) {
                    throw document.string(other, equals: "keys") ? Self.twice("keys") : Self.keysExpected
                }
                list = content
            }
            guard document.kind(of: list) == .array else { throw Self.keysExpected }
            return try readKeys(document, list)
        }
    }

    /// The keys of an array.
    func readKeys(_ document: borrowing JSONDocument, _ list: JSONNode) throws(Problem) -> KeyBatch {
        let count = try countItems(document, list)
        var keys = KeyBatch(capacity: count)
        var reader = ItemReader(limits: limits.entries, allowsExpiresAt: false)
        var faults = ItemFaults()
        forEach(document, list) { index, node in
            do throws(CacheError) {
                try reader.readKey(document, node)
                try keys.append(reader.key)
            } catch {
                faults.add(index, key: reader.key, error)
            }
        }
        try faults.check()
        return keys
    }

    private static let keysExpected = Problem(
        .invalidBody, "the body must be an array of keys, or an object whose one member \"keys\" is such an array")

    func mput(_ request: Request) throws(Problem) -> Response {
        let count = try withDocument(request.body) { (document) throws(Problem) -> Int in
            var items: JSONNode?
            var lifetime = cache.defaultTimeToLive
            guard document.kind(of: document.root) == .object else { throw Self.itemsExpected }
            try forEachMember(document, of: ["items", "ttl"]) { (name, content) throws(Problem) in
                if name == 0 {
                    items = content
                } else if let own = try readLifetime(document, content) {
                    lifetime = own
                }
            }
            guard let items else { throw Self.itemsExpected }
            let count = try countItems(document, items)
            var batch = WriteBatch(cache: cache, capacity: count)
            switch document.kind(of: items) {
            case .object: try readMembers(document, items, lifetime, into: &batch)
            case .array: try readItems(document, items, lifetime, into: &batch)
            default: throw Self.itemsExpected
            }
            do throws(CacheError) {
                try batch.commit()
            } catch {
                throw Problem(error)
            }
            return count
        }
        return .json(["stored": count])
    }

    private static let itemsExpected = Problem(
        .invalidBody,
        "the body must be an object whose member \"items\" is an object of values by key, or an array of "
            + "{\"key\":…,\"value\":…}, with \"ttl\" beside it if they are to expire")

    private func readMembers(
        _ document: borrowing JSONDocument, _ items: JSONNode, _ lifetime: Int64?, into batch: inout WriteBatch
    ) throws(Problem) {
        var reader = ItemReader(limits: limits.entries, allowsExpiresAt: false)
        var faults = ItemFaults()
        var index = 0
        var member = document.firstChild(of: items)
        while let name = member, let content = document.nextSibling(of: name) {
            do throws(CacheError) {
                try reader.readKey(document, name)
                try limits.entries.validate(valueCount: document.minifiedCount(of: content))
                try batch.append(reader.key, document, content, lifetime: lifetime)
            } catch {
                faults.add(index, key: reader.key, error)
            }
            index += 1
            member = document.nextSibling(of: content)
        }
        try faults.check()
    }

    private func readItems(
        _ document: borrowing JSONDocument, _ items: JSONNode, _ lifetime: Int64?, into batch: inout WriteBatch
    ) throws(Problem) {
        var reader = ItemReader(limits: limits.entries, allowsExpiresAt: false)
        var faults = ItemFaults()
        let wallClock = cache.wallClock
        forEach(document, items) { index, node in
            do throws(CacheError) {
                let item = try reader.read(document, node, defaultLifetime: lifetime, wallClock: wallClock)
                try batch.append(reader.key, document, item.value, lifetime: item.lifetime, tags: item.tags)
            } catch {
                faults.add(index, key: reader.key, error)
            }
        }
        try faults.check()
    }

    // MARK: Lists

    private func forEach(_ document: borrowing JSONDocument, _ list: JSONNode, _ body: (Int, JSONNode) -> Void) {
        var index = 0
        var child = document.firstChild(of: list)
        while let node = child {
            body(index, node)
            index += 1
            child = document.nextSibling(of: node)
        }
    }

    /// How many items an array or an object has.
    private func countItems(_ document: borrowing JSONDocument, _ list: JSONNode) throws(Problem) -> Int {
        let isObject = document.kind(of: list) == .object
        guard isObject || document.kind(of: list) == .array else { return 0 }
        var count = 0
        forEach(document, list) { _, _ in count += 1 }
        if isObject { count /= 2 }
        guard count <= limits.maxBulkItems else {
            throw Problem(.tooManyItems, "the body has \(count) items; it may have at most \(limits.maxBulkItems)")
        }
        return count
    }
}

/// The items of a bulk request that were refused.
private struct ItemFaults {
    private var items: [Problem.ItemError] = []
    private var count = 0
    private var firstIndex = 0

    /// How many are told in detail.
    private static let maximum = 100

    mutating func add(_ index: Int, key: [UInt8], _ error: CacheError) {
        if count == 0 { firstIndex = index }
        count += 1
        guard items.count < Self.maximum else { return }
        items.append(
            Problem.ItemError(key: key, code: ProblemCode(error.code), detail: "item \(index): \(error.message)"))
    }

    /// Throws a problem with the code of the first, if there are any.
    func check() throws(Problem) {
        guard let first = items.first else { return }
        let others = count > 1 ? "; \(count - 1) more items are wrong" : ""
        var problem = Problem(first.code, "nothing was done: \(first.detail)\(others)")
        problem.items = items
        throw problem
    }
}
