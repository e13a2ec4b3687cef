internal import Synchronization

/// How much the store holds and may hold: the exact, global bounds.
///
/// Room is reserved here before an entry goes in or a table grows, so the bounds hold at every moment, however many
/// threads write and however keys hash. A writer keeps the room that its evictions make until it has filled it, so
/// that others cannot take it away from under a large entry for ever.
struct Ledger: ~Copyable {
    private let heldEntries = Atomic<Int>(0)
    private let heldBytes = Atomic<Int>(0)
    private let capacity: Int
    private let memoryLimit: Int

    init(capacity: Int?, memoryLimit: Int?) {
        self.capacity = capacity ?? .max
        self.memoryLimit = memoryLimit ?? .max
    }

    var entries: Int { heldEntries.load(ordering: .relaxed) }
    var bytes: Int { heldBytes.load(ordering: .relaxed) }

    /// How many bytes there is room for; less than 0 is possible for a moment.
    var freeBytes: Int { memoryLimit - bytes }

    /// Whether half of what may be held is held, by either bound.
    var isHalfFull: Bool { entries > capacity / 2 || bytes > memoryLimit / 2 }

    /// Whether less than a quarter is held of what may be, by both bounds.
    var isNearlyEmpty: Bool { entries < capacity / 4 && bytes < memoryLimit / 4 }

    /// Room that a writer has and has not filled yet. It counts as held, so nobody else can take it.
    struct Room: Equatable {
        var entries = 0
        var bytes = 0

        /// Turns room into what fills it: the entries and bytes stay held.
        mutating func fill(entries: Int, bytes: Int) {
            self.entries -= entries
            self.bytes -= bytes
        }
    }

    /// Adds to `room` what it lacks, if there is as much under both bounds; all of it or nothing.
    ///
    /// - Parameters:
    ///   - room: What the writer has already.
    ///   - entries: For how many entries it needs room: 0 when one replaces another.
    ///   - bytes: How many bytes it needs; less than 0 when a smaller entry replaces a larger.
    borrowing func enlarge(_ room: inout Room, toEntries entries: Int, bytes: Int) -> Bool {
        let missing = Room(entries: max(0, entries - room.entries), bytes: max(0, bytes - room.bytes))
        guard Self.add(missing.entries, to: heldEntries, limit: capacity) else { return false }
        guard Self.add(missing.bytes, to: heldBytes, limit: memoryLimit) else {
            heldEntries.wrappingSubtract(missing.entries, ordering: .relaxed)
            return false
        }
        room.entries += missing.entries
        room.bytes += missing.bytes
        return true
    }

    /// Gives all room back that a writer has.
    borrowing func release(_ room: inout Room) {
        guard room != Room() else { return }
        heldEntries.wrappingSubtract(room.entries, ordering: .relaxed)
        heldBytes.wrappingSubtract(room.bytes, ordering: .relaxed)
        room = Room()
    }

    /// Books what the store takes without any entry.
    borrowing func bookEmptyStore(_ bytes: Int) {
        heldBytes.wrappingAdd(bytes, ordering: .relaxed)
    }

    private static func add(_ amount: Int, to total: borrowing Atomic<Int>, limit: Int) -> Bool {
        guard amount > 0 else { return true }
        guard limit != .max else {
            total.wrappingAdd(amount, ordering: .relaxed)
            return true
        }
        var held = total.load(ordering: .relaxed)
        while held <= limit - amount {
            let (exchanged, original) = total.weakCompareExchange(
                expected: held, desired: held + amount, ordering: .relaxed)
            if exchanged { return true }
            held = original
        }
        return false
    }
}
