internal import CHiredis
internal import CacheCore

/// The keys of a Redis database, by SCAN: strings and hashes, with the time that each has left.
///
/// A string that is JSON is taken as it is, any other becomes a JSON string; a hash becomes an object of strings. Keys of other types are
/// counted as failed, those that end while they are read as expired. What SCAN tells twice, as it may, is put twice.
///
/// Held are some thousand keys, one value, of which no more is asked for than can be kept (``EntryLimits/maxSourceBytes``), or one hash,
/// however long that is, and what ``ItemSink`` holds.
struct RedisSource {
    let host: String
    let port: Int
    let database: Int
    let user: String
    let password: String?
    let match: String?

    /// How many keys are asked for at once, about, and how many bytes of values.
    private static let pageKeys = 1000
    private static let chunkBytes = 1 << 20

    /// - Parameter password: In the place of the URL's; nil for that, or for what is in `environment`'s `REDISCLI_AUTH`.
    /// - Throws: ``CacheError`` if the URL's database is no number, or it has parameters that mean nothing.
    init(_ url: SourceURL, password: String?, environment: [String: String]) throws(CacheError) {
        var url = url
        host = url.host.isEmpty ? "127.0.0.1" : url.host
        port = url.port ?? 6379
        user = url.user
        let secret = password ?? url.password ?? environment["REDISCLI_AUTH"]
        self.password = secret?.isEmpty == true ? nil : secret
        let name = url.path.drop { $0 == "/" }
        guard let number = name.isEmpty ? 0 : Int(name), number >= 0 else {
            throw CacheError(
                .invalidConfiguration,
                "the database of a Redis source must be a number: redis://host:6379/0?match=user:*")
        }
        database = number
        match = url.take("match")
        try url.refuseRest(known: "match")
    }

    func read(_ reading: inout SourceReading) throws(SourceFailure) {
        // Where the reading goes on; nil at the end.
        var cursor: [UInt8]? = Self.start
        var runID: String?
        var failures = 0
        while cursor != nil {
            let before = cursor
            var beginsAnew = false
            do throws(SourceFailure) {
                let connection = try RedisConnection(host: host, port: port, isCancelled: reading.isCancelled)
                try logIn(connection)
                let before = runID
                runID = try Self.runID(connection)
                if cursor != Self.start, runID == nil || runID != before {
                    // Another process has its keys in another order, in which the cursor says nothing.
                    cursor = Self.start
                    beginsAnew = true
                    reading.sink.restart()
                }
                try readPages(after: &cursor, connection, &reading)
            } catch {
                // Where it goes on, the connection was of use; one that began anew may get no further than those before.
                failures = cursor == before || beginsAnew ? failures + 1 : 1
                try reading.pause(after: error, failures: failures)
            }
        }
    }

    /// The cursor that a scan begins with, and ends with.
    private static let start: [UInt8] = [UInt8(ascii: "0")]

    private func logIn(_ connection: RedisConnection) throws(SourceFailure) {
        if let password {
            try connection.ask(user.isEmpty ? ["AUTH", password] : ["AUTH", user, password])
        }
        if database != 0 { try connection.ask(["SELECT", String(database)]) }
    }

    /// What the server's process calls itself; nil if it does not tell.
    private static func runID(_ connection: RedisConnection) throws(SourceFailure) -> String? {
        connection.send([Array("INFO".utf8), Array("server".utf8)])
        // Who may not ask for it is told so, and the connection goes on.
        let reply = try connection.replyOrAnyError()
        guard !reply.isError else { return nil }
        return reply.text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }.map {
            String($0.dropFirst(7))
        }
    }

    private func readPages(
        after cursor: inout [UInt8]?, _ connection: RedisConnection, _ reading: inout SourceReading
    ) throws(SourceFailure) {
        guard let start = cursor else { return }
        sendScan(start, connection)
        var page = try connection.reply()
        // How many values are asked for at once, by how large they turn out to be: the server holds what is not read yet.
        var strings = 100
        var hashes = 10
        while true {
            guard page.count == 2, let next = page[0].content else { throw Self.strange }
            let isLast = next == Self.start
            let keys = page[1]
            var others: [(key: [UInt8], number: Int)] = []
            var rest = 0..<keys.count
            repeat {
                let chunk = rest.prefix(strings)
                rest = rest.dropFirst(strings)
                sendReads(of: keys, chunk, upTo: reading.sink.limits.maxSourceBytes, connection)
                // The server looks for the next keys while the last of these are put in.
                if rest.isEmpty, !isLast { sendScan(next, connection) }
                let bytes = try readStrings(keys, chunk, &others, connection, &reading)
                strings = Self.count(after: bytes, of: chunk.count)
            } while !rest.isEmpty
            let following = isLast ? nil : try connection.reply()
            let number = reading.sink.number
            while !others.isEmpty {
                let chunk = others.prefix(hashes)
                others.removeFirst(chunk.count)
                let bytes = try readOthers(chunk, connection, &reading)
                hashes = Self.count(after: bytes, of: chunk.count)
            }
            reading.sink.number = number
            try reading.flush()
            cursor = isLast ? nil : next
            guard let following else { return }
            page = following
        }
    }

    private static func count(after bytes: Int, of count: Int) -> Int {
        max(1, min(2 * pageKeys, chunkBytes / max(1, bytes / max(1, count))))
    }

    private func sendScan(_ cursor: [UInt8], _ connection: RedisConnection) {
        var scan: [[UInt8]] = [Array("SCAN".utf8), cursor, Array("COUNT".utf8), Array("\(Self.pageKeys)".utf8)]
        if let match { scan += [Array("MATCH".utf8), Array(match.utf8)] }
        connection.send(scan)
    }

    /// Asks for the values of keys, as far as any can be kept, and for the time that each has left.
    private func sendReads(
        of keys: RedisReply, _ places: Range<Int>, upTo mostBytes: Int, _ connection: RedisConnection
    ) {
        guard !places.isEmpty else { return }
        // The last place is within the range: a byte more tells those that are longer.
        var last: [UInt8] = []
        last.append(decimal: mostBytes)
        var range: [UInt8] = []
        range.append("$1\r\n0\r\n")
        withBytes(of: last) { range.append(word: $0) }
        var commands: [UInt8] = []
        for place in places {
            keys[place].withBytes { key in
                guard let key else { return }
                commands.appendCommand("GETRANGE", wordCount: 4)
                commands.append(word: key)
                commands += range
                commands.appendCommand("PTTL", wordCount: 2)
                commands.append(word: key)
            }
        }
        connection.send(formatted: commands)
    }

    /// - Parameter others: Gets the keys that are no strings, with their numbers.
    /// - Returns: How many bytes the values have.
    private func readStrings(
        _ keys: RedisReply, _ places: Range<Int>, _ others: inout [(key: [UInt8], number: Int)],
        _ connection: RedisConnection, _ reading: inout SourceReading
    ) throws(SourceFailure) -> Int {
        var byteCount = 0
        var text = ItemText()
        var document = JSONDocument()
        for place in places {
            let value = try connection.reply(orError: "WRONGTYPE")
            let left = try connection.reply()
            reading.sink.number += 1
            if value.isError {
                if let key = keys[place].content { others.append((key, reading.sink.number)) }
                continue
            }
            // What is not there is an empty string too.
            guard let lifetime = Self.lifetime(left) else {
                reading.sink.expire()
                continue
            }
            text.removeAll()
            let isTaken = value.withBytes { bytes in
                guard let bytes else { return false }
                byteCount += bytes.count
                let isJSON =
                    bytes.count <= reading.sink.limits.maxSourceBytes && Self.isJSON(bytes, &document)
                guard reading.sink.takes(sourceCount: bytes.count, isJSON: isJSON) else { return false }
                if isJSON { text.append(raw: bytes) } else { text.append(string: bytes) }
                return true
            }
            if isTaken {
                keys[place].withBytes { key in
                    if let key { reading.sink.add(key, &text, ttl: lifetime, &document) }
                }
            }
            try reading.flushIfFull()
        }
        return byteCount
    }

    private static func isJSON(_ bytes: UnsafeRawBufferPointer, _ document: inout JSONDocument) -> Bool {
        withPaddedCopy(of: bytes) { padded in
            do throws(JSONSyntaxError) {
                try document.parse(padded)
                return true
            } catch {
                return false
            }
        }
    }

    /// - Returns: How many bytes the values have.
    private func readOthers(
        _ keys: ArraySlice<(key: [UInt8], number: Int)>, _ connection: RedisConnection, _ reading: inout SourceReading
    ) throws(SourceFailure) -> Int {
        var byteCount = 0
        for (key, _) in keys {
            connection.send([Array("TYPE".utf8), key])
            connection.send([Array("HGETALL".utf8), key])
            connection.send([Array("PTTL".utf8), key])
        }
        var text = ItemText()
        var document = JSONDocument()
        for (key, number) in keys {
            let type = try connection.reply()
            let fields = try connection.reply(orError: "WRONGTYPE")
            let left = try connection.reply()
            reading.sink.number = number
            let name = type.text
            if name == "none" {
                reading.sink.expire()
            } else if fields.isError {
                reading.sink.fail(
                    CacheError(
                        .invalidBody, "the key is a \(name); strings and hashes can be loaded"))
            } else if let lifetime = Self.lifetime(left), fields.count > 0 {
                text.removeAll()
                text.append(object: fields)
                byteCount += text.bytes.count
                withBytes(of: key) { reading.sink.add($0, &text, ttl: lifetime, &document) }
            } else {
                reading.sink.expire()
            }
            try reading.flushIfFull()
        }
        return byteCount
    }

    /// From what PTTL answers; nil if the key is not there any more.
    private static func lifetime(_ reply: RedisReply) -> ItemLifetime? {
        switch reply.integer {
        case -1: .some(.none)
        case let left? where left > 0: .exact(Int64(min(Int(left), mostMilliseconds)) * 1_000_000)
        default: nil
        }
    }

    /// Longer than that nothing lives here.
    private static let mostMilliseconds = Int(CacheConfiguration.maximumTTL.components.seconds) * 1000

    private static let strange = SourceFailure("the server's answer is not that of Redis")
}

extension [UInt8] {
    /// Begins a command as the protocol has it (RESP): how many words there are, and the first of them.
    fileprivate mutating func appendCommand(_ name: StaticString, wordCount: Int) {
        append("*")
        append(decimal: wordCount)
        append("\r\n")
        append(word: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// Another word of a command.
    fileprivate mutating func append(word: UnsafeRawBufferPointer) {
        append("$")
        append(decimal: word.count)
        append("\r\n")
        append(contentsOf: word)
        append("\r\n")
    }
}

extension ItemText {
    /// The fields of a hash, name and value in turn, as an object.
    fileprivate mutating func append(object fields: RedisReply) {
        for index in stride(from: 0, to: fields.count - 1, by: 2) {
            append(raw: index == 0 ? "{" : ",")
            fields[index].withBytes { if let name = $0 { append(string: name) } }
            append(raw: ":")
            fields[index + 1].withBytes { if let value = $0 { append(string: value) } }
        }
        append(raw: "}")
    }
}
