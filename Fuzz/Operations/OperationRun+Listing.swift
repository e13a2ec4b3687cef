/// Going over many keys: listings, exports, and removals by batch, by prefix and by tag.
extension OperationRun {
    mutating func deleteBatch(_ numbers: [Int]) throws {
        var expected = 0
        for key in Self.distinct(numbers) where model.delete(key) { expected += 1 }
        expect(try cache.mdelete(numbers.map { keys.names[$0] }), is: expected, "deleted")
    }

    mutating func deleteAll(_ prefix: String) {
        var expected = 0
        for key in keys.numbers(prefix: prefix) where model.delete(key) { expected += 1 }
        expect(cache.deleteAll(prefix: prefix), is: expected, "deleted")
    }

    /// - Parameter spared: A lease that is not ended, by when it was taken.
    mutating func deleteTag(_ tag: Int, prefix: String, sparing spared: Int?) {
        let spared = spared.flatMap { lease($0) }
        let numbers = prefix.isEmpty ? Array(0..<OperationKeys.count) : keys.numbers(prefix: prefix)
        let expected = model.deleteAll(tag: tag, of: numbers, sparing: spared?.number)
        let count = cache.deleteAll(
            tag: OperationNotes.tagNames[tag], prefix: Array(prefix.utf8), sparing: spared?.lease)
        expect(count, is: expected, "deleted")
        if let spared { checkLease(spared.key) }
    }

    /// A listing that is under way, with other operations between its pages.
    struct Listing {
        let prefix: String
        let operationsAtStart: Int
        /// The keys that were there when it began.
        let candidates: [Int]
        var listed: Set<Int> = []
        var cursor: ListingCursor?
    }

    /// Lists another page, the first of a listing if none is under way.
    mutating func listPage(limit: Int, prefix: String) throws {
        var listing =
            listing
            ?? Listing(
                prefix: prefix, operationsAtStart: model.operations,
                candidates: keys.numbers(prefix: prefix).filter { model.live($0) != nil })
        let page = try cache.keys(prefix: listing.prefix, limit: limit, after: listing.cursor)
        for info in page.keys {
            guard let key = keys.number(info.key), info.key.hasPrefix(listing.prefix), let entry = model.live(key)
            else {
                fail("\(info.key.debugDescription) was listed")
            }
            expect(listing.listed.insert(key).inserted, "key \(key) was listed twice")
            expect(info.size, is: entry.value.count, "the size of key \(key) in a listing")
            let timeLeft = entry.expiresAt == .max ? nil : Duration.nanoseconds(entry.expiresAt - model.now)
            expect(info.ttl, is: timeLeft, "the time left of key \(key) in a listing")
        }
        if let cursor = page.cursor {
            expect(ListingCursor(cursor.description), is: cursor, "a cursor from its text")
            listing.cursor = cursor
            self.listing = listing
        } else {
            // Those that were there all the time are listed.
            for key in listing.candidates where model.live(key) != nil {
                let isStable = model.removals[key, default: -1] <= listing.operationsAtStart
                expect(!isStable || listing.listed.contains(key), "key \(key) was not listed")
            }
            self.listing = nil
        }
    }

    /// Exports everything, and sees to it that each line is that of an entry.
    mutating func export(_ prefix: String, byteCount: Int) throws {
        var lines: [UInt8] = []
        var cursor: ListingCursor?
        repeat {
            cursor = try withUTF8(of: prefix) { (prefix) throws(CacheError) in
                try cache.appendExport(to: &lines, prefix: prefix, after: cursor, byteCount: byteCount)
            }
        } while cursor != nil
        var exported: Set<Int> = []
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            let begin = Array("{\"key\":\"".utf8)
            let name = line.dropFirst(begin.count).prefix { $0 != UInt8(ascii: "\"") }
            guard let key = keys.number(String(decoding: name, as: UTF8.self)), let entry = model.live(key) else {
                fail("a line was exported of no entry")
            }
            expect(exported.insert(key).inserted, "key \(key) was exported twice")
            let front = begin + keys[key] + Array("\",\"value\":".utf8) + entry.value.text
            let expiry = entry.expiresAt == .max ? "" : ",\"expires_at\":"
            expect(line.starts(with: front + Array(expiry.utf8)), "the line that was exported of key \(key)")
            let names = entry.tags.map { OperationNotes.tagNames[$0] }.map {
                "\"\(String(decoding: $0, as: UTF8.self))\""
            }
            let tags = names.isEmpty ? "" : ",\"tags\":[\(names.joined(separator: ","))]"
            let end = Array("\(tags)}".utf8)
            expect(line.suffix(end.count).elementsEqual(end), "the end of the line that was exported of key \(key)")
        }
        let expected = Set(keys.numbers(prefix: prefix).filter { model.live($0) != nil })
        expect(exported, is: expected, "the keys that were exported")
    }
}
