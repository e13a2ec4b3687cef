/// Memory that an answer takes until its client has it, counted with that of the bodies that are being received: a small request
/// may have a large answer, and a client may take its time over it.
///
/// Invariant: it is made, and released by the library's response, on the worker's thread.
final class AnswerMemory {
    private let worker: Worker
    private let count: Int

    /// Answers of no more bytes are not counted: nor is what else a connection takes.
    static let mostUncounted = 64 << 10

    init(_ count: Int, _ worker: Worker) {
        self.worker = worker
        self.count = count
        worker.bodyBytes += count
    }

    deinit { worker.bodyBytes -= count }
}
