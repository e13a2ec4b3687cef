internal import Synchronization
internal import Testing

@testable internal import MicroHTTP

/// Lines on their way from the thread that fills to the one that empties.
struct AccessLogQueueTests {
    private func numbered(_ log: LoggedLines, _ range: Range<Int>) {
        for number in range { log.add(target: Text("/\(number)".utf8)) }
    }

    private func numbers(_ text: String) -> [Int] {
        text.split(separator: "\n").compactMap { line in
            line.split(separator: " ").dropFirst(6).first.flatMap { Int($0.dropFirst()) }
        }
    }

    @Test func linesComeOnceAndInOrder() {
        let log = LoggedLines(.combined)
        #expect(log.read() == "")
        numbered(log, 0..<3)
        #expect(numbers(log.read()) == [0, 1, 2])
        #expect(log.read() == "")
        numbered(log, 3..<10_000)
        #expect(numbers(log.read()) == Array(3..<10_000))
        #expect(log.queue.droppedLines == 0)
    }

    @Test func aPieceThatIsBeingWrittenGrowsNotAndIsNotTakenTwice() throws {
        let log = LoggedLines(.combined)
        numbered(log, 0..<2)
        let piece = try #require(log.queue.take())
        // The chunk goes on to be filled, and becomes full, meanwhile.
        numbered(log, 2..<6000)
        #expect(numbers(String(decoding: piece.bytes, as: UTF8.self)) == [0, 1])
        log.queue.taken(piece)
        #expect(numbers(log.read()) == Array(2..<6000))
    }

    @Test func whatHasNoRoomIsDroppedAndCounted() {
        let log = LoggedLines(.combined, mostBytes: 2 * 256 << 10)
        numbered(log, 0..<100_000)
        let dropped = log.queue.droppedLines
        let kept = numbers(log.read())
        #expect(kept == Array(0..<100_000 - dropped))
        // Two chunks full, but for the room of a line.
        #expect(log.queue.droppedLines == dropped && dropped > 0)
        let bytes = kept.count * 80
        #expect((2 * (240 << 10)...2 * (256 << 10)).contains(bytes))
        // There is room again.
        numbered(log, 0..<10)
        #expect(numbers(log.read()) == Array(0..<10))
        #expect(log.queue.droppedLines == dropped)
    }

    @Test func thereIsAlwaysRoomForTwoChunks() {
        let log = LoggedLines(.combined, mostBytes: 0)
        for _ in 0..<3 {
            numbered(log, 0..<1000)
            #expect(numbers(log.read()) == Array(0..<1000))
        }
        numbered(log, 0..<10_000)
        #expect(log.queue.droppedLines > 0)
        #expect(numbers(log.read()) == Array(0..<10_000 - log.queue.droppedLines))
        numbered(log, 0..<1000)
        #expect(numbers(log.read()) == Array(0..<1000))
    }

    @Test func aFullChunkIsTold() {
        let times = Atomic(0)
        let queue = AccessLogQueue(mostBytes: 1 << 20) { times.add(1, ordering: .relaxed) }
        func fill() {
            while true {
                let before = times.load(ordering: .relaxed)
                guard let room = queue.room(), times.load(ordering: .relaxed) == before else { return }
                queue.publish(upTo: room + 4000)
            }
        }
        fill()
        #expect(times.load(ordering: .relaxed) == 1)
        fill()
        #expect(times.load(ordering: .relaxed) == 2)
    }

    /// One thread fills while another empties.
    @Test func nothingIsLostOrMixedUpBetweenThreads() async {
        let queue = AccessLogQueue(mostBytes: 64 << 20) {}
        let count = 200_000
        let isDone = Atomic(false)
        async let filled: Void = Task.detached {
            for number in 0..<count {
                guard let room = queue.room() else { continue }
                var line = LineCursor(room)
                line.put(number)
                line.put(UInt8(ascii: "\n"))
                queue.publish(upTo: line.position)
            }
            isDone.store(true, ordering: .releasing)
        }.value
        var next = 0
        var isInOrder = true
        while true {
            let isLast = isDone.load(ordering: .acquiring)
            guard let piece = queue.take() else {
                if isLast { break }
                await Task.yield()
                continue
            }
            for line in String(decoding: piece.bytes, as: UTF8.self).split(separator: "\n") {
                isInOrder = isInOrder && Int(line) == next
                next += 1
            }
            queue.taken(piece)
        }
        await filled
        #expect(isInOrder && next + queue.droppedLines == count)
        #expect(queue.droppedLines == 0)
    }
}
