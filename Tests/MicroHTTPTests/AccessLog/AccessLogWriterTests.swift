internal import Glibc
internal import Synchronization
internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

/// What becomes of lines once they are written, without the log's own thread.
struct AccessLogWriterTests {
    /// A folder of a test's own.
    private final class Folder {
        let path: String

        init() {
            var name = Array("/tmp/access-log-XXXXXX".utf8CString)
            path = String(cString: mkdtemp(&name))
        }

        deinit {
            for file in ["a", "b", "pipe"] { unlink("\(path)/\(file)") }
            rmdir(path)
        }

        func read(_ name: String) -> String {
            let descriptor = open("\(path)/\(name)", O_RDONLY)
            guard descriptor >= 0 else { return "there is no \(name)" }
            defer { close(descriptor) }
            return AccessLogWriterTests.readAll(descriptor)
        }
    }

    /// What there is to read now.
    fileprivate static func readAll(_ descriptor: CInt) -> String {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }

    private final class Reports: Sendable {
        private let told = Mutex<[AccessLog.Loss]>([])
        var all: [AccessLog.Loss] { told.withLock { $0 } }
        func add(_ loss: AccessLog.Loss) { told.withLock { $0.append(loss) } }
    }

    private let folder = Folder()
    private let reports = Reports()

    private func writer(to destination: AccessLog.Destination) throws -> AccessLogWriter {
        AccessLogWriter(try AccessLogFile(destination)) { [reports] in reports.add($0) }
    }

    private func queue(_ writer: AccessLogWriter, mostBytes: Int = 1 << 20) -> AccessLogQueue {
        let queue = AccessLogQueue(mostBytes: mostBytes) {}
        writer.add(queue)
        return queue
    }

    /// Adds lines of 100 bytes.
    private func add(_ count: Int, to queue: AccessLogQueue) {
        for _ in 0..<count {
            guard let room = queue.room() else { continue }
            memset(room, 0x78, 99)
            room.storeBytes(of: 0x0A, toByteOffset: 99, as: UInt8.self)
            queue.publish(upTo: room + 100)
        }
    }

    private static let line = String(repeating: "x", count: 99) + "\n"

    @Test func aFileIsAppendedTo() throws {
        for round in 1...2 {
            let writer = try writer(to: .file(path: "\(folder.path)/a"))
            let queues = [queue(writer), queue(writer)]
            for queue in queues { add(10, to: queue) }
            var losses = AccessLogWriter.Losses()
            writer.writeAll(&losses)
            #expect(folder.read("a") == String(repeating: Self.line, count: 20 * round))
        }
    }

    @Test func aFileIsOpenedAnew() throws {
        let writer = try writer(to: .file(path: "\(folder.path)/a"))
        let queue = queue(writer)
        var losses = AccessLogWriter.Losses()
        add(1, to: queue)
        writer.writeAll(&losses)
        #expect(rename("\(folder.path)/a", "\(folder.path)/b") == 0)
        add(1, to: queue)
        writer.writeAll(&losses)
        #expect(folder.read("b") == Self.line + Self.line)
        try writer.reopen()
        try writer.reopen()
        add(3, to: queue)
        writer.writeAll(&losses)
        #expect(folder.read("a") == Self.line + Self.line + Self.line)
        #expect(folder.read("b") == Self.line + Self.line)
    }

    @Test func aFileThatCannotBeOpenedAnewLeavesTheFormer() throws {
        let writer = try writer(to: .file(path: "\(folder.path)/a"))
        let queue = queue(writer)
        #expect(rename("\(folder.path)/a", "\(folder.path)/b") == 0)
        #expect(mkdir("\(folder.path)/a", 0o700) == 0)
        defer { rmdir("\(folder.path)/a") }
        #expect(throws: AccessLogError("cannot open the access log \(folder.path)/a: Is a directory")) {
            try writer.reopen()
        }
        var losses = AccessLogWriter.Losses()
        add(1, to: queue)
        writer.writeAll(&losses)
        #expect(folder.read("b") == Self.line)
    }

    @Test func aFileThatIsNotThereCannotBeOpened() {
        #expect(
            throws: AccessLogError("cannot open the access log \(folder.path)/none/a: No such file or directory")
        ) { try AccessLogFile(.file(path: "\(folder.path)/none/a")) }
    }

    @Test func aPipeWithoutAReaderCannotBeOpened() {
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        #expect(throws: AccessLogError.self) { try AccessLogFile(.file(path: "\(folder.path)/pipe")) }
    }

    /// A pipe that is full takes nothing, and lines of others can come in between: only whole lines are written to it, and those
    /// that it does not take are lost when the log may not wait any more.
    @Test func aPipeTakesWholeLines() throws {
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        let reader = open("\(folder.path)/pipe", O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let writer = try writer(to: .file(path: "\(folder.path)/pipe"))
        let queue = queue(writer)
        add(2000, to: queue)
        writer.end()
        var losses = AccessLogWriter.Losses()
        writer.writeAll(&losses)
        let text = Self.readAll(reader)
        let written = text.utf8.count / 100
        #expect(text == String(repeating: Self.line, count: written))
        // The system's pipes take 64 KiB.
        #expect((500..<2000).contains(written))
        #expect(writer.droppedLines == 2000 - written)
    }

    @Test func whatTheSystemDoesNotTakeIsLostAndTold() throws {
        let writer = try writer(to: .file(path: "/dev/full"))
        let queue = queue(writer)
        var losses = AccessLogWriter.Losses()
        add(3, to: queue)
        writer.writeAll(&losses)
        writer.tell(&losses, at: 0, isLast: false)
        #expect(reports.all == [.init(lines: 3, systemError: "No space left on device")])
        #expect(writer.droppedLines == 3)
    }

    @Test func lossesAreToldOnceASecond() throws {
        let writer = try writer(to: .file(path: "/dev/full"))
        let queue = queue(writer)
        var losses = AccessLogWriter.Losses()
        let second: Int64 = 1_000_000_000
        for (now, count) in [(5 * second, 1), (5 * second + 1, 2), (6 * second - 1, 3), (6 * second, 4)] {
            add(count, to: queue)
            writer.writeAll(&losses)
            writer.tell(&losses, at: now, isLast: false)
        }
        #expect(reports.all.map(\.lines) == [1, 9])
        add(5, to: queue)
        writer.writeAll(&losses)
        writer.tell(&losses, at: 6 * second + 1, isLast: true)
        writer.tell(&losses, at: 9 * second, isLast: true)
        #expect(reports.all.map(\.lines) == [1, 9, 5])
    }

    /// What is dropped while nothing moves is told when something does: the report would be stuck as well.
    @Test func dropsAreToldOnceLinesAreTakenAgain() throws {
        let writer = try writer(to: .file(path: "\(folder.path)/a"))
        let queue = queue(writer, mostBytes: 0)
        add(6000, to: queue)
        let dropped = queue.droppedLines
        #expect(dropped > 0)
        var losses = AccessLogWriter.Losses()
        writer.tell(&losses, at: 0, isLast: false)
        #expect(reports.all == [])
        writer.writeAll(&losses)
        writer.tell(&losses, at: 0, isLast: false)
        #expect(reports.all == [.init(lines: dropped, systemError: nil)])
    }
}
