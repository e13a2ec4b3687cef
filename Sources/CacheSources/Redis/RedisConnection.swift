internal import CHiredis

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A connection to a Redis server, for commands that are sent one behind the other and answered in their order. Whoever waits for the server
/// is asked several times a second whether to go on.
///
/// Invariant: the context is alive from init to deinit, its socket does not block, and it is used by one thread at a time.
final class RedisConnection {
    private let context: UnsafeMutablePointer<redisContext>
    private let isCancelled: () -> Bool

    /// How long the server may take to accept the connection, and to say the next of its answer.
    private static let connectTimeout = Duration.seconds(10)
    private static let answerTimeout = Duration.seconds(60)

    /// - Throws: ``SourceFailure``.
    init(host: String, port: Int, isCancelled: @escaping () -> Bool) throws(SourceFailure) {
        guard let context = redisConnectNonBlock(host, CInt(port)) else {
            throw SourceFailure("there is no memory to connect")
        }
        self.context = context
        self.isCancelled = isCancelled
        guard context.pointee.err == 0 else { throw failure("cannot connect") }
        try awaitSocket(context.pointee.fd, POLLOUT, until: .now + Self.connectTimeout, unless: isCancelled)
        var fault: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(context.pointee.fd, SOL_SOCKET, SO_ERROR, &fault, &length)
        guard fault == 0 else {
            throw SourceFailure("cannot connect: \(String(cString: strerror(fault)))", isTransient: true)
        }
        redisEnableKeepAlive(context)
    }

    deinit { redisFree(context) }

    /// Sends a command and waits for the answer, which has to be no error.
    func ask(_ words: [String]) throws(SourceFailure) {
        send(words.map { Array($0.utf8) })
        _ = try reply()
    }

    /// Puts a command behind those that are to be sent; it is sent when a reply is waited for.
    func send(_ words: [[UInt8]]) {
        // One behind the other in one array, which stays where it is during the call; the library copies from there.
        let joined = Array(words.joined())
        joined.withUnsafeBufferPointer { bytes in
            // There is an address to point to even if all words are empty, which none of them ever is.
            guard let base = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self) else { return }
            var starts: [UnsafePointer<CChar>?] = []
            var lengths: [Int] = []
            var place = 0
            for word in words {
                starts.append(base + place)
                lengths.append(word.count)
                place += word.count
            }
            // It fails when memory is exhausted alone, and says so at the next reply.
            redisAppendCommandArgv(context, CInt(words.count), &starts, &lengths)
        }
    }

    /// Puts commands that are written as the protocol has them behind those that are to be sent.
    func send(formatted commands: [UInt8]) {
        commands.withUnsafeBufferPointer { bytes in
            // The library copies them. It fails when memory is exhausted alone, and says so at the next reply.
            _ = bytes.withMemoryRebound(to: CChar.self) {
                redisAppendFormattedCommand(context, $0.baseAddress, $0.count)
            }
        }
    }

    /// The reply to the first command that has none yet.
    ///
    /// The library holds what it has read of it, and little of those behind it.
    ///
    /// - Parameter code: The first word of an error that is a reply like others.
    /// - Throws: ``SourceFailure``.
    func reply(orError allowed: String? = nil) throws(SourceFailure) -> RedisReply {
        let reply = try replyOrAnyError()
        if reply.isError {
            let text = SourceFailure.line(reply.text)
            let code = text.prefix { $0 != " " }
            if let allowed, code == allowed { return reply }
            // These servers are starting, or are about to be another's replica.
            throw SourceFailure(text, isTransient: ["LOADING", "MASTERDOWN", "TRYAGAIN", "BUSY"].contains(code))
        }
        return reply
    }

    /// As ``reply(orError:)``, where any error is a reply like others.
    func replyOrAnyError() throws(SourceFailure) -> RedisReply {
        while true {
            var pointer: UnsafeMutableRawPointer?
            try check(redisGetReplyFromReader(context, &pointer))
            if let pointer { return RedisReply(owning: pointer.assumingMemoryBound(to: redisReply.self)) }
            // The library has no whole reply yet, and is fed.
            var isSent: CInt = 0
            try check(redisBufferWrite(context, &isSent))
            // A server that waits for its replies to be read takes no commands meanwhile.
            let events = isSent == 0 ? POLLIN | POLLOUT : POLLIN
            try awaitSocket(context.pointee.fd, events, until: .now + Self.answerTimeout, unless: isCancelled)
            // With nothing to read it returns at once.
            try check(redisBufferRead(context))
        }
    }

    private func check(_ status: CInt) throws(SourceFailure) {
        guard status == REDIS_OK else { throw failure("the connection is lost") }
    }

    private func failure(_ what: String) -> SourceFailure {
        let reason = withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return SourceFailure(
            "\(what): \(SourceFailure.line(reason))",
            isTransient: [REDIS_ERR_IO, REDIS_ERR_EOF, REDIS_ERR_OTHER].contains(context.pointee.err))
    }
}

/// A reply, or a part of one.
///
/// Invariant: `pointer` is to a part of the reply that `owner` frees, which nobody changes.
struct RedisReply {
    private final class Owner {
        let pointer: UnsafeMutablePointer<redisReply>
        init(_ pointer: UnsafeMutablePointer<redisReply>) { self.pointer = pointer }
        deinit { freeReplyObject(pointer) }
    }

    private let owner: Owner
    private let pointer: UnsafeMutablePointer<redisReply>

    fileprivate init(owning pointer: UnsafeMutablePointer<redisReply>) {
        owner = Owner(pointer)
        self.pointer = pointer
    }

    private init(owner: Owner, _ pointer: UnsafeMutablePointer<redisReply>) {
        self.owner = owner
        self.pointer = pointer
    }

    private var type: CInt { pointer.pointee.type }

    var isError: Bool { type == REDIS_REPLY_ERROR }

    private var hasBytes: Bool {
        type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS || type == REDIS_REPLY_ERROR
    }

    /// Lends the content of a string, a status or an error; nil of other replies.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The bytes are there as long as the owner.
        defer { withExtendedLifetime(owner) {} }
        guard hasBytes else { return try body(nil) }
        return try body(UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len))
    }

    /// The content as bytes of their own; nil of other replies.
    var content: [UInt8]? { withBytes { $0.map { Array($0) } } }

    /// The content as text; empty of other replies.
    var text: String { withBytes { $0.map { String(decoding: $0, as: UTF8.self) } ?? "" } }

    var integer: Int? { type == REDIS_REPLY_INTEGER ? Int(pointer.pointee.integer) : nil }

    /// How many elements an array has; 0 for other replies.
    var count: Int { type == REDIS_REPLY_ARRAY ? Int(pointer.pointee.elements) : 0 }

    subscript(index: Int) -> RedisReply {
        precondition(index >= 0 && index < count, "an element that the reply does not have")
        // An array of elements has one at each of its places.
        return RedisReply(owner: owner, pointer.pointee.element[index]!)
    }
}
