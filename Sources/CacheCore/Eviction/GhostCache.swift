/// A cache of keys without values, to see how a policy would do.
///
/// - Complexity: O(1) expected a request. Takes 24 to 32 bytes an entry, and what the policy keeps of keys beside them.
struct GhostCache: ~Copyable {
    /// An entry: a place in the block of records that its cache owns.
    struct Node: EvictionNode {
        struct Record {
            /// Half of the key's hash: enough for so few.
            var hash: UInt32
            /// How many records lie between this one and its neighbours; 0 for none.
            var newer: Int32 = 0
            var older: Int32 = 0
            var list = EvictionListName.first
            var frequency: UInt8 = 0
        }

        // Points into its cache's block, which outlives all nodes, as do its neighbours.
        fileprivate let record: UnsafeMutablePointer<Record>

        var hash: UInt64 { UInt64(record.pointee.hash) }
        var newer: Node? {
            get { neighbour(record.pointee.newer) }
            nonmutating set { record.pointee.newer = distance(newValue) }
        }
        var older: Node? {
            get { neighbour(record.pointee.older) }
            nonmutating set { record.pointee.older = distance(newValue) }
        }
        var list: EvictionListName {
            get { record.pointee.list }
            nonmutating set { record.pointee.list = newValue }
        }
        var frequency: UInt8 {
            get { record.pointee.frequency }
            nonmutating set { record.pointee.frequency = newValue }
        }

        private func neighbour(_ distance: Int32) -> Node? {
            distance == 0 ? nil : Node(record: record + Int(distance))
        }

        private func distance(_ node: Node?) -> Int32 { node.map { Int32($0.record - record) } ?? 0 }
    }

    private(set) var order: EvictionOrder<Node>
    // Owned by this value from init to deinit: `capacity` records, of which the first `used` were handed out; `free` are
    // those that were given back, linked by `newer`.
    private let records: UnsafeMutablePointer<Node.Record>
    private var used = 0
    private var free: Node?
    /// The places of records by hash, plus 1, with linear probing; 0 where it is empty. A power of two, at least twice the
    /// capacity.
    private var slots: [Int32]

    /// - Parameters:
    ///   - rules: The policy's rules, for good.
    ///   - capacity: How many entries it holds; at least 1.
    init(_ rules: EvictionRules, capacity: Int) {
        order = EvictionOrder(rules, isAdaptive: false, capacity: capacity)
        records = .allocate(capacity: capacity)
        slots = Array(repeating: 0, count: Self.slotCount(capacity))
    }

    deinit { records.deallocate() }

    /// Bytes that a ghost cache takes at most.
    static func footprint(_ rules: EvictionRules, capacity: Int) -> Int {
        capacity * MemoryLayout<Node.Record>.stride + slotCount(capacity) * MemoryLayout<Int32>.stride
            + EvictionOrder<Node>.historyFootprint(rules, capacity: capacity)
    }

    private static func slotCount(_ capacity: Int) -> Int {
        var count = 8
        while count < capacity * 2 { count *= 2 }
        return count
    }

    /// Asks for a key, and puts it in if it is missing.
    ///
    /// - Returns: True if it was there.
    mutating func request(_ hash: UInt64) -> Bool {
        if let place = find(hash) {
            use(place)
            return true
        }
        insert(hash)
        return false
    }

    // MARK: Step by step

    /// The place of a key: a number from 0 up to the capacity, the key's own while it is here. nil if it is not here.
    func find(_ hash: UInt64) -> Int? {
        node(at: slot(of: UInt32(truncatingIfNeeded: hash))).map { $0.record - records }
    }

    /// Notes a use of the key that has this place.
    mutating func use(_ place: Int) {
        let node = Node(record: records + place)
        order.use(node, hash: node.hash)
    }

    /// Puts a key in that is not here.
    ///
    /// - Returns: Its place.
    @discardableResult
    mutating func insert(_ hash: UInt64) -> Int {
        let hash = UInt32(truncatingIfNeeded: hash)
        if order.count == order.size, let victim = order.victim() { remove(victim.record - records) }
        let node = takeRecord(hash)
        slots[slot(of: hash)] = Int32(node.record - records) + 1
        order.insert(node, hash: UInt64(hash))
        order.growHistory()
        return node.record - records
    }

    /// Takes the key out that has this place.
    mutating func remove(_ place: Int) {
        let node = Node(record: records + place)
        order.remove(node)
        removeFromSlots(node)
        node.newer = free
        free = node
    }

    private mutating func takeRecord(_ hash: UInt32) -> Node {
        if let node = free {
            free = node.newer
            node.record.pointee = Node.Record(hash: hash)
            return node
        }
        let node = Node(record: records + used)
        node.record.initialize(to: Node.Record(hash: hash))
        used += 1
        return node
    }

    private func node(at slot: Int) -> Node? {
        slots[slot] == 0 ? nil : Node(record: records + Int(slots[slot] - 1))
    }

    /// The slot that has the key's node, or the empty one where it belongs.
    private func slot(of hash: UInt32) -> Int {
        var slot = home(hash)
        while let node = node(at: slot), node.record.pointee.hash != hash { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private mutating func removeFromSlots(_ node: Node) {
        var hole = slot(of: node.record.pointee.hash)
        slots[hole] = 0
        // What was pushed past the hole moves into it (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
        var slot = hole
        while true {
            slot = (slot + 1) & (slots.count - 1)
            guard let next = self.node(at: slot) else { return }
            if (slot - home(next.record.pointee.hash)) & (slots.count - 1) >= (slot - hole) & (slots.count - 1) {
                slots[hole] = slots[slot]
                slots[slot] = 0
                hole = slot
            }
        }
    }

    private func home(_ hash: UInt32) -> Int {
        Int(truncatingIfNeeded: mixed(UInt64(hash), salt: 0) >> 20) & (slots.count - 1)
    }
}
