/// S3-FIFO: a node comes to the small queue, the first list, or straight to the main queue, the second, if its key left the
/// small one lately. What was used twice in the small queue goes on to the main one, the rest leaves and is remembered.
/// What was used in the main queue goes round once for each use, up to three.
extension EvictionOrder {
    /// How many nodes the small queue is to have: a tenth, as in the paper.
    private static func smallQueueSize(of count: Int) -> Int { count / 10 }

    mutating func insertAsS3FIFO(_ node: Node, hash: UInt64) {
        append(node, to: ghosts.take(hash) ? .second : .first)
    }

    mutating func victimOfS3FIFO() -> Node? {
        let mainQueueSize = count - Self.smallQueueSize(of: count)
        var passes = 0
        while true {
            if second.count > mainQueueSize || first.count == 0 {
                while let node = second.oldest {
                    guard node.frequency > 0, passes < Self.mostPasses else { return node }
                    node.frequency -= 1
                    second.moveToNewest(node)
                    passes += 1
                }
            }
            while let node = first.oldest {
                passes += 1
                guard node.frequency >= 2, passes < Self.mostPasses else {
                    ghosts.add(node.hash)
                    return node
                }
                node.frequency = 0
                move(node, to: .second)
            }
        }
    }

    /// Brings nodes to where these rules have them, of which other rules had more in the first list, or had them in the third.
    mutating func drainToS3FIFO() -> Bool {
        if let node = third.oldest {
            drain(node, to: .second)
        } else if first.count > Self.smallQueueSize(of: count), let node = first.oldest {
            drain(node, to: .second)
        } else {
            return false
        }
        return true
    }
}
