import Foundation
import Synchronization

/// Threads that read and write at the same time: of twenty operations, one writes.
final class ThreadedLoad<Store: MicroReader & MicroWriter>: Sendable {
    private let stores: [Store]
    private let keys: [String]
    private let value: [UInt8]
    private let isOver = Atomic(false)
    private let total = Mutex((operations: 0, missed: 0))
    private let ready = DispatchSemaphore(value: 0)
    private let start = DispatchSemaphore(value: 0)
    private let end = DispatchSemaphore(value: 0)

    private static var operationsPerWrite: Int { 20 }
    /// Operations between two looks whether time is up.
    private static var stretch: Int { 200 }

    /// - Parameters:
    ///   - stores: The store of each thread: one for all, or one each.
    ///   - keys: Each thread asks for all of them again and again, from a place of its own on.
    ///   - value: What is put.
    init(on stores: [Store], keys: [String], value: [UInt8]) {
        self.stores = stores
        self.keys = keys
        self.value = value
    }

    /// Runs the load once, and returns operations a second of all threads together, by the wall clock.
    func rate(seconds: Double) throws -> Double {
        for thread in stores.indices {
            Thread.detachNewThread { [self] in work(thread) }
        }
        for _ in stores { ready.wait() }
        let begin = ContinuousClock.now
        for _ in stores { start.signal() }
        pause(.seconds(seconds))
        isOver.store(true, ordering: .relaxed)
        let elapsed = ContinuousClock.now - begin
        for _ in stores { end.wait() }
        let (operations, missed) = total.withLock { $0 }
        try requireAll(operations, operations - missed)
        return Double(operations) / elapsed.seconds
    }

    private func work(_ thread: Int) {
        let store = stores[thread]
        var place = keys.count / stores.count * thread
        var (operations, missed) = (0, 0)
        ready.signal()
        start.wait()
        keys.withUnsafeBufferPointer { keys in
            while !isOver.load(ordering: .relaxed) {
                for operation in 0..<Self.stretch {
                    let key = keys[place]
                    place = place + 1 == keys.count ? 0 : place + 1
                    if operation % Self.operationsPerWrite == 0 {
                        store.put(key, value)
                    } else if store.get(key) == nil {
                        missed += 1
                    }
                }
                operations += Self.stretch
            }
        }
        total.withLock { [operations, missed] in
            $0.operations += operations
            $0.missed += missed
        }
        end.signal()
    }
}
