internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Long work that gives way, piece by piece: a thread of its own does it, which has a processor when no other thread wants one.
///
/// Nobody should wait for what that thread holds. Work that takes a lock stays on the calling thread, in short pieces with a
/// ``pause()`` between them.
package struct IdlePriority: ~Copyable {
    /// Where a piece of work lies until the thread takes it; nil there ends the thread.
    private final class Slot: Sendable {
        private struct Work: @unchecked Sendable {
            // Sendable: whoever put it there waits until it is done.
            let body: () -> Void
        }

        private let work = Locked<Work?>(nil)
        private let wanted = DispatchSemaphore(value: 0)
        private let done = DispatchSemaphore(value: 0)

        func runAll() {
            while true {
                wanted.wait()
                guard runNext() else { return }
                done.signal()
            }
        }

        /// Not inlined, so that nothing refers to the work any more when it returns: whoever waits may end it then.
        @inline(never)
        private func runNext() -> Bool {
            guard let next = work.withLock({ $0.take() }) else { return false }
            next.body()
            // What the body wrote is there for whoever has the lock next.
            work.withLock { _ in }
            return true
        }

        func run(_ body: @escaping () -> Void) {
            let next = Work(body: body)
            work.withLock { $0 = next }
            wanted.signal()
            done.wait()
            work.withLock { _ in }
        }

        func end() { wanted.signal() }
    }

    /// nil if nothing gives way.
    private let slot: Slot?
    private let isPatient: () -> Bool

    /// - Parameter isPatient: Asked before each piece whether it gives way. Where others leave no processor idle, a piece takes some
    ///   hundred times as long.
    package init(while isPatient: @escaping () -> Bool) {
        self.isPatient = isPatient
        guard isPatient() else {
            slot = nil
            return
        }
        let slot = Slot()
        let status = BlockingThread.tryStart {
            Self.lowerPriority()
            slot.runAll()
        }
        // Without a thread it is done all the same.
        self.slot = status == 0 ? slot : nil
    }

    deinit { slot?.end() }

    /// Runs `body`, which takes no lock and is done in some milliseconds, and waits for it.
    package func run<Result>(_ body: () -> Result) -> Result {
        guard let slot, isPatient() else { return body() }
        var result: Result?
        withoutActuallyEscaping(body) { body in slot.run { result = body() } }
        return result!
    }

    /// Lets other threads go first.
    package func pause() { run {} }

    private static func lowerPriority() {
        #if canImport(Glibc)
            // Where it is refused, as a container may, the thread is one like others.
            var parameters = sched_param()
            _ = sched_setscheduler(0, idlePolicy, &parameters)
        #else
            pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0)
        #endif
    }

    #if canImport(Glibc)
        /// SCHED_IDLE of Linux, which the C library shows to programs that want its extensions. For the calling thread alone, whatever
        /// the standard says. A nice value would not do: a thread that has just begun its turn keeps it for milliseconds.
        private static let idlePolicy: CInt = 5
    #endif
}
