/// Least recently used: all nodes are on the first list, in the order of their last uses.
extension EvictionOrder {
    mutating func insertAsLRU(_ node: Node) { append(node, to: .first) }
}
