/// What an eviction order knows of an entry: an entry of the store, or one of a ghost cache that has nothing else.
///
/// A node is a reference to memory that lives while the node is in an order; all of it is guarded by the order's lock.
protocol EvictionNode: Equatable {
    /// The key's hash.
    var hash: UInt64 { get }
    var newer: Self? { get nonmutating set }
    var older: Self? { get nonmutating set }
    /// The list that the node is on.
    var list: EvictionListName { get nonmutating set }
    /// How often it was used since it came to its present list, up to 3, as far as the policy counts that.
    var frequency: UInt8 { get nonmutating set }
}

/// The lists of an order. What they are for is a policy's business.
enum EvictionListName: UInt8 {
    case first, second, third
}

/// Nodes in an order, from the oldest to the newest: a doubly linked list through the nodes.
///
/// - Complexity: O(1) for every operation.
struct EvictionList<Node: EvictionNode>: ~Copyable {
    private(set) var newest: Node?
    private(set) var oldest: Node?
    private(set) var count = 0

    /// Puts a node that is on no list at the new end.
    mutating func append(_ node: Node) {
        node.older = newest
        node.newer = nil
        newest?.newer = node
        newest = node
        if oldest == nil { oldest = node }
        count += 1
    }

    /// Takes a node that is on the list off it.
    mutating func remove(_ node: Node) {
        if let newer = node.newer { newer.older = node.older } else { newest = node.older }
        if let older = node.older { older.newer = node.newer } else { oldest = node.newer }
        node.newer = nil
        node.older = nil
        count -= 1
    }

    /// Moves a node that is on the list to the new end.
    mutating func moveToNewest(_ node: Node) {
        guard newest != node else { return }
        remove(node)
        append(node)
    }

    /// Puts `new`, which is on no list, in the place of `old`, which is on this one.
    mutating func replace(_ old: Node, with new: Node) {
        new.newer = old.newer
        new.older = old.older
        if let newer = new.newer { newer.older = new } else { newest = new }
        if let older = new.older { older.newer = new } else { oldest = new }
        old.newer = nil
        old.older = nil
    }
}
