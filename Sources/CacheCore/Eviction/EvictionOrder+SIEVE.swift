/// SIEVE: all nodes are on the second list, in the order in which they came, and a hand goes from the oldest to the newest
/// and round again. It takes the first that was not used since it came by, and forgives the others once.
extension EvictionOrder {
    mutating func insertAsSIEVE(_ node: Node) { append(node, to: .second) }

    mutating func victimOfSIEVE() -> Node? {
        var node = hand ?? second.oldest
        var passes = 0
        while let passed = node, passed.frequency > 0, passes < Self.mostPasses {
            passed.frequency = 0
            node = passed.newer ?? second.oldest
            passes += 1
        }
        hand = node
        return node
    }
}
