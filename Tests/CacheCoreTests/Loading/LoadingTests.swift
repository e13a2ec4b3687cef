import Synchronization
import TestSupport
import Testing

@testable import CacheCore

struct LoadingTests {
    private struct User: Codable, Equatable, Sendable {
        var name: String
        var age: Int?
    }

    private struct InVain: Error { let what: String }
    private struct Broken: Error, Equatable { var number = 1 }

    private let cache: ProductionCache
    private let clock = ManualClock()

    init() throws { cache = try ProductionCache(CacheConfiguration(clock: .manual(clock))) }

    /// A door that tasks wait at until it is opened.
    private final class Door: Sendable {
        private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
    }

    /// Waits without holding a thread up.
    private func eventually(_ what: String, _ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while !condition() {
            guard ContinuousClock.now < end else { throw InVain(what: what) }
            await Task.yield()
        }
    }

    @Test func aMissLoadsAndAHitDoesNot() async throws {
        let loads = Tally()
        for _ in 0..<3 {
            let user = try await cache.value(for: "u", ttl: .seconds(10)) {
                loads.add()
                return User(name: "Ada")
            }
            #expect(user == User(name: "Ada"))
        }
        #expect(loads.value == 1)
        #expect(cache.getJSON("u") == Array(#"{"name":"Ada"}"#.utf8))
        clock.advance(by: .seconds(10))
        let user = try await cache.value(for: "u") { User(name: "Grace") }
        #expect(user.name == "Grace")
        let stats = cache.getStats()
        #expect([stats.loads, stats.loadFailures, stats.collapsedLoads] == [2, 0, 0])
        #expect([stats.hits, stats.misses] == [3, 2])
    }

    @Test func tenThousandCallersAreOneLoad() async throws {
        let callers = 10_000
        let door = Door()
        let loads = Tally()
        try await withThrowingTaskGroup(of: Int.self) { [cache] group in
            for _ in 0..<callers {
                group.addTask {
                    try await cache.value(for: "k") {
                        loads.add()
                        await door.pass()
                        return 42
                    }
                }
            }
            try await eventually("all wait") { cache.getStats().collapsedLoads == callers - 1 }
            door.open()
            for try await value in group { #expect(value == 42) }
        }
        #expect(loads.value == 1)
        let stats = cache.getStats()
        #expect(stats.loads == 1 && stats.misses == callers)
    }

    @Test func whoMissesAsAFlightEndsFindsItsValue() async throws {
        let loads = Tally()
        try await withThrowingTaskGroup(of: Int.self) { [cache] group in
            for number in 0..<2000 {
                group.addTask {
                    try await cache.value(for: "k\(number % 5)") {
                        loads.add()
                        return 42
                    }
                }
            }
            for try await value in group { #expect(value == 42) }
        }
        // However the tasks meet: once a value is there, it is never loaded again.
        #expect(loads.value == 5)
    }

    @Test func anErrorGoesToAllAndNothingIsKept() async throws {
        let door = Door()
        let outcomes = await withTaskGroup(of: Broken?.self) { [cache] group in
            for number in 0..<10 {
                group.addTask {
                    do {
                        _ = try await cache.value(for: "k") { () async throws -> Int in
                            await door.pass()
                            throw Broken(number: number)
                        }
                        return nil
                    } catch {
                        return error as? Broken
                    }
                }
            }
            try? await eventually("all wait") { cache.getStats().collapsedLoads == 9 }
            door.open()
            var outcomes: [Broken?] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        #expect(Set(outcomes.map { $0?.number }).count == 1 && outcomes[0] != nil)
        #expect(cache.getJSON("k") == nil)
        #expect(cache.getStats().loadFailures == 1)
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
        #expect(try await cache.value(for: "k") { 1 } == 1)
    }

    @Test(arguments: ["put", "delete", "clear"])
    func whatChangesDuringALoadStays(change: String) async throws {
        let door = Door()
        let begun = Door()
        async let value = cache.value(for: "k") {
            begun.open()
            await door.pass()
            return 1
        }
        await begun.pass()
        switch change {
        case "put": try cache.put("k", 2)
        case "delete": cache.delete("k")
        default: cache.deleteAll()
        }
        door.open()
        #expect(try await value == 1)
        #expect(cache.getJSON("k") == (change == "put" ? Array("2".utf8) : nil))
    }

    @Test func whoIsCancelledGoesAndTheOthersGetTheValue() async throws {
        let door = Door()
        let isCancelled = Flag()
        let tasks = (0..<3).map { [cache] _ in
            Task {
                try await cache.value(for: "k") {
                    await withTaskCancellationHandler {
                        await door.pass()
                    } onCancel: {
                        isCancelled.raise()
                    }
                    return 42
                }
            }
        }
        try await eventually("all wait") { cache.getStats().collapsedLoads == 2 }
        tasks[0].cancel()
        tasks[1].cancel()
        // At once: the load has not ended.
        await #expect(throws: CancellationError.self) { try await tasks[0].value }
        await #expect(throws: CancellationError.self) { try await tasks[1].value }
        #expect(!isCancelled.isUp)
        door.open()
        #expect(try await tasks[2].value == 42)
        #expect(cache.getJSON("k") == Array("42".utf8))
    }

    @Test func whenTheLastIsCancelledSoIsTheLoad() async throws {
        let isCancelled = Door()
        let begun = Tally()
        let tasks = (0..<3).map { [cache] _ in
            Task {
                try await cache.value(for: "k") {
                    begun.add()
                    await withTaskCancellationHandler {
                        await isCancelled.pass()
                    } onCancel: {
                        isCancelled.open()
                    }
                    try Task.checkCancellation()
                    return 42
                }
            }
        }
        try await eventually("all wait") { cache.getStats().collapsedLoads == 2 && begun.value == 1 }
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        // The load ends only because it is cancelled.
        await isCancelled.pass()
        try await eventually("the load ends") { cache.getStats().loadFailures == 1 }
        #expect(cache.getJSON("k") == nil)
        #expect(try await cache.value(for: "k") { 1 } == 1)
    }

    @Test func aTaskThatWasCancelledBeforeLoadsNothing() async throws {
        let cancelled = Door()
        let loads = Tally()
        let task = Task { [cache] in
            await cancelled.pass()
            return try await cache.value(for: "k") { loads.add() }
        }
        task.cancel()
        cancelled.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(loads.value == 0)
        #expect(cache.flights.count == 0)
    }

    @Test func eachGetsTheTypeThatItAskedFor() async throws {
        let door = Door()
        let begun = Door()
        async let json = cache.jsonValue(for: "k") {
            begun.open()
            await door.pass()
            return Array("[1, 2]".utf8)
        }
        await begun.pass()
        async let numbers: [Int] = cache.value(for: "k") { [] }
        async let bytes: [UInt8] = cache.value(for: "k") { [] }
        async let wrong: User = cache.value(for: "k") { User(name: "nobody") }
        try await eventually("all wait") { cache.getStats().collapsedLoads == 3 }
        door.open()
        #expect(try await json == Array("[1,2]".utf8))
        #expect(try await numbers == [1, 2])
        #expect(try await bytes == [1, 2])
        do {
            _ = try await wrong
            Issue.record("an array is no user")
        } catch {
            #expect(error is DecodingError)
        }
    }

    @Test func aNullIsAValue() async throws {
        let loads = Tally()
        for _ in 0..<2 {
            let value: Int? = try await cache.value(for: "k") {
                loads.add()
                return nil
            }
            #expect(value == nil)
        }
        #expect(loads.value == 1)
    }

    @Test func whatIsWrongIsToldBeforeTheLoad() async throws {
        let loads = Tally()
        for (key, ttl) in [
            ("", Duration.seconds(1)), ("k", .zero), (String(repeating: "k", count: 70_000), .seconds(1)),
        ] {
            await #expect(throws: CacheError.self) { try await cache.value(for: key, ttl: ttl) { loads.add() } }
        }
        #expect(loads.value == 0)
        await #expect(throws: CacheError.self) { try await cache.jsonValue(for: "k") { Array("{".utf8) } }
        #expect(cache.getStats().loadFailures == 1)
    }

    @Test func whatTheCacheHasNoRoomForIsReturnedAllTheSame() async throws {
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: 1 << 20, clock: .manual(clock)))
        let text = String(repeating: "x", count: 2 << 20)
        #expect(try await cache.value(for: "k") { text } == text)
        #expect(cache.getJSON("k") == nil)
        audit(cache)
    }
}
