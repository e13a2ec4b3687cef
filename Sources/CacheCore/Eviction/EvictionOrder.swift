/// In which order entries leave: three lists, and the rules by which a policy uses them.
///
/// All policies share the lists, so that the rules can change while entries are held (``become(_:)``). What a list is for
/// stands with each policy, in a file of its own.
///
/// The order is told what happens, in the order in which it happened: ``insert(_:hash:)``, ``use(_:hash:)``,
/// ``remove(_:)``. When room is needed it is asked for a ``victim()``, which the caller removes. It does not own its nodes.
struct EvictionOrder<Node: EvictionNode>: ~Copyable {
    /// The rules in force.
    private(set) var rules: EvictionRules

    var first = EvictionList<Node>()
    var second = EvictionList<Node>()
    var third = EvictionList<Node>()

    /// How many nodes there may be; nil if something else bounds them.
    let capacity: Int?
    /// Whether something else bounds them too.
    private let mayFillEarlier: Bool

    // What some of the rules keep beside the lists.
    var hand: Node?
    var ghosts = GhostQueue()
    var sketch = FrequencySketch()
    var window = AdaptiveWindow()
    var ties = TieBreaker()
    /// Whether there may be nodes on lists that the rules have no use for.
    private var isDraining = false
    /// For how many nodes `ghosts` and `sketch` are made.
    private var historyCapacity = 0

    /// Whether the rules may change, so that the history of all of them is kept.
    let isAdaptive: Bool
    private let sketchBytesPerEntry: Double

    /// Whether what comes stays, however often anything was used: it comes in an order in which the best is last, and from a time of which no
    /// sketch tells anything.
    var favoursLatest = false

    /// - Parameters:
    ///   - rules: The rules at first.
    ///   - isAdaptive: Whether ``become(_:windowShare:)`` may be called.
    ///   - capacity: How many nodes there may be; nil if something else bounds them.
    ///   - mayFillEarlier: Whether something else bounds them too.
    ///   - sketchBytesPerEntry: What W-TinyLFU's sketch may take.
    init(
        _ rules: EvictionRules, isAdaptive: Bool, capacity: Int?, mayFillEarlier: Bool = false,
        sketchBytesPerEntry: Double = 8
    ) {
        self.rules = rules
        self.isAdaptive = isAdaptive
        self.capacity = capacity
        self.mayFillEarlier = mayFillEarlier
        self.sketchBytesPerEntry = sketchBytesPerEntry
        if rules == .wideWindow { window = AdaptiveWindow(share: AdaptiveWindow.wideShare) }
    }

    /// How many nodes are passed over in search of a victim, at most: where everything was used, the search would go on for as long as
    /// it takes to look at all of them, with a lock held. What is passed over remains forgiven, so the next search gets further.
    static var mostPasses: Int { 4096 }

    var count: Int { first.count + second.count + third.count }

    /// How many nodes there are when all room is taken, as far as that is known.
    var size: Int { mayFillEarlier ? min(capacity ?? .max, max(count, 1)) : capacity ?? max(count, 1) }

    // MARK: What happens

    /// Puts in a new node, whose key has this hash. If there was no room for it, a victim was asked for and removed before.
    mutating func insert(_ node: Node, hash: UInt64) {
        if isDraining { drain() }
        node.frequency = 0
        switch rules {
        case .lru: insertAsLRU(node)
        case .sieve: insertAsSIEVE(node)
        case .s3FIFO: insertAsS3FIFO(node, hash: hash)
        case .wTinyLFU, .wideWindow: insertAsWTinyLFU(node)
        }
        if keepsSketch { sketch.add(hash) }
    }

    /// Notes that a node was used, whose key has this hash. LRU does not ask for it.
    mutating func use(_ node: Node, hash: UInt64) {
        node.frequency = min(3, node.frequency + 1)
        switch rules {
        case .lru: move(node, to: .first)
        case .sieve, .s3FIFO: break
        case .wTinyLFU, .wideWindow: useAsWTinyLFU(node)
        }
        if keepsSketch { sketch.add(hash) }
    }

    /// Whether ``use(_:hash:)`` moves the node.
    var movesWhatIsUsed: Bool { rules != .sieve && rules != .s3FIFO }

    /// Puts `new`, which is where the node of the same key is now, in the place of `old`.
    mutating func relocate(_ old: Node, to new: Node) {
        new.frequency = old.frequency
        new.list = old.list
        switch old.list {
        case .first: first.replace(old, with: new)
        case .second: second.replace(old, with: new)
        case .third: third.replace(old, with: new)
        }
        if hand == old { hand = new }
    }

    /// Takes a node out. With the last one goes the history.
    mutating func remove(_ node: Node) {
        unlink(node)
        if count == 0 { dropHistory() }
    }

    /// The node to remove so that another can come; nil if there is none.
    ///
    /// - Complexity: O(1) amortized; at most ``mostPasses`` nodes are passed over at once.
    mutating func victim() -> Node? {
        guard count > 0 else { return nil }
        if isDraining { drain() }
        return switch rules {
        case .lru: first.oldest
        case .sieve: victimOfSIEVE()
        case .s3FIFO: victimOfS3FIFO()
        case .wTinyLFU, .wideWindow: victimOfWTinyLFU()
        }
    }

    /// The node to remove in the place of `spared`, which was the victim; nil if there is no other.
    mutating func victim(besides spared: Node) -> Node? {
        // S3-FIFO has noted that it leaves.
        if rules == .s3FIFO { _ = ghosts.take(spared.hash) }
        // Last in its list, it would leave late, but the rules may know no other.
        move(spared, to: spared.list)
        if let node = victim(), node != spared { return node }
        func other(_ list: borrowing EvictionList<Node>) -> Node? {
            list.oldest == spared ? spared.newer : list.oldest
        }
        return other(second) ?? other(first) ?? other(third)
    }

    // MARK: Moving between the lists

    /// Puts a node that is on no list at the new end of one.
    mutating func append(_ node: Node, to list: EvictionListName) {
        node.list = list
        switch list {
        case .first: first.append(node)
        case .second: second.append(node)
        case .third: third.append(node)
        }
    }

    /// Moves a node to the new end of a list.
    mutating func move(_ node: Node, to list: EvictionListName) {
        unlink(node)
        append(node, to: list)
    }

    private mutating func unlink(_ node: Node) {
        if hand == node { hand = node.newer }
        switch node.list {
        case .first: first.remove(node)
        case .second: second.remove(node)
        case .third: third.remove(node)
        }
    }

    // MARK: History

    private var keepsSketch: Bool { rules == .wTinyLFU || rules == .wideWindow || isAdaptive }
    private var keepsGhosts: Bool { rules == .s3FIFO || isAdaptive }
    /// Beside a sketch there is room for one alone in eight bytes an entry.
    private var ghostsPerEntry: Int { isAdaptive ? 1 : 2 }

    /// Bytes that the history of keys takes.
    var footprint: Int { sketch.footprint + ghosts.footprint }

    /// Bytes that the history takes of an order of so many nodes that has its rules for good.
    static func historyFootprint(_ rules: EvictionRules, capacity: Int) -> Int {
        EvictionOrder(rules, isAdaptive: false, capacity: capacity).historyFootprint(capacity: capacity)
    }

    private func historyFootprint(capacity: Int) -> Int {
        (keepsSketch ? FrequencySketch.footprint(capacity: capacity, bytesPerEntry: sketchBytesPerEntry) : 0)
            + (keepsGhosts ? GhostQueue.footprint(capacity: capacity, slotsPerEntry: ghostsPerEntry) : 0)
    }

    /// For how many nodes the history should have room if it has too little; nil if it has enough.
    private var wantedHistoryCapacity: Int? {
        // A shard may have more than its share of the capacity: what is known is not thrown away for that.
        guard keepsSketch || keepsGhosts, count > historyCapacity, historyCapacity < capacity ?? .max else {
            return nil
        }
        return min(capacity ?? .max, max(count + count / 4, capacity == nil ? 1024 : 8192))
    }

    /// Bytes that ``growHistory()`` takes; nil if the history has room enough.
    var historyGrowth: Int? { wantedHistoryCapacity.map { historyFootprint(capacity: $0) - footprint } }

    /// Gives the history room for as many nodes as there are, and some more. What it knew is forgotten: that happens while a
    /// cache fills, when nothing is asked of it.
    mutating func growHistory() {
        guard let wanted = wantedHistoryCapacity else { return }
        historyCapacity = wanted
        if keepsSketch { sketch = FrequencySketch(capacity: wanted, bytesPerEntry: sketchBytesPerEntry) }
        if keepsGhosts { ghosts = GhostQueue(capacity: wanted, slotsPerEntry: ghostsPerEntry) }
    }

    /// Gives the history's memory back.
    private mutating func dropHistory() {
        historyCapacity = 0
        sketch = FrequencySketch()
        ghosts = GhostQueue()
    }

    // MARK: Changing the rules

    /// Goes on by other rules. All nodes stay, in the order of their last uses as far as the lists tell it.
    ///
    /// Nodes on lists that the new rules have no use for are moved to where they belong, some with every operation to come: to move all
    /// of them at once would hold up everybody.
    ///
    /// - Parameter windowShare: What ``AdaptiveWindow`` has found elsewhere; nil to begin anew.
    /// - Complexity: O(1).
    mutating func become(_ new: EvictionRules, windowShare: Double? = nil) {
        guard new != rules else { return }
        rules = new
        hand = nil
        isDraining = true
        switch new {
        case .lru, .sieve, .s3FIFO: break
        case .wTinyLFU: window = AdaptiveWindow(share: windowShare)
        case .wideWindow: window = AdaptiveWindow(share: AdaptiveWindow.wideShare)
        }
    }

    private mutating func drain() {
        for _ in 0..<Self.mostDrained {
            isDraining =
                switch rules {
                case .lru: drain(second.oldest ?? third.oldest, to: .first)
                case .sieve: drain(first.oldest ?? third.oldest, to: .second)
                case .s3FIFO: drainToS3FIFO()
                case .wTinyLFU, .wideWindow: false
                }
            guard isDraining else { return }
        }
    }

    /// - Returns: False if there is no node.
    @discardableResult
    mutating func drain(_ node: Node?, to list: EvictionListName) -> Bool {
        guard let node else { return false }
        // Policies count uses in ways of their own: that there were some is all that is said to the next.
        node.frequency = min(node.frequency, 1)
        move(node, to: list)
        return true
    }

    /// How many nodes are moved with one operation after a change of the rules.
    private static var mostDrained: Int { 64 }
}

/// The rules that an order can go by.
enum EvictionRules: Int, CaseIterable {
    case lru, sieve, s3FIFO, wTinyLFU
    /// LRU for the most part: W-TinyLFU with a window of four fifths that stays as it is. Where traffic that LRU likes changes
    /// to other traffic, what was always in use is still there.
    case wideWindow

    /// Those that ``EvictionPolicy/auto`` chooses among.
    static let candidates: [EvictionRules] = [.wideWindow, .sieve, .s3FIFO, .wTinyLFU]

    /// The rules of a policy; those that it begins with if it chooses among them.
    init(_ policy: EvictionPolicy) {
        self =
            switch policy {
            case .lru: .lru
            case .sieve: .sieve
            case .s3FIFO: .s3FIFO
            // No other does so well where nothing is known.
            case .wTinyLFU, .auto: .wTinyLFU
            }
    }
}

/// Bits that decide between equals: xorshift64 (G. Marsaglia, 2003). Fixed at the start, so that a run can be repeated.
struct TieBreaker {
    private var state: UInt64 = 88_172_645_463_325_252

    /// True once in 128 times.
    mutating func isLucky() -> Bool {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state & 127 == 0
    }
}
