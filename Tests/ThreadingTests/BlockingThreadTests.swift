import Dispatch
import Glibc
import Synchronization
import Testing
import Threading

@Suite("Threads for work that waits")
struct BlockingThreadTests {
    @Test("A write to a peer that has gone is an error, not the end of the process")
    func brokenPipe() {
        let outcome = Mutex((written: 0, error: CInt(0), isBlocked: false))
        let isOver = DispatchSemaphore(value: 0)
        BlockingThread.start {
            defer { isOver.signal() }
            // Whoever runs the tests may let no such signal through at all, so that the write alone would tell nothing.
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            guard sigismember(&mask, SIGPIPE) == 1 else { return }
            var ends: [CInt] = [-1, -1]
            pipe(&ends)
            close(ends[0])
            let written = write(ends[1], "x", 1)
            let error = errno
            close(ends[1])
            outcome.withLock { $0 = (written, error, true) }
        }
        isOver.wait()
        #expect(outcome.withLock { $0 } == (-1, EPIPE, true))
    }
}
