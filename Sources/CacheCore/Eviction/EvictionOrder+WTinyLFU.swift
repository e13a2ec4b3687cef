/// W-TinyLFU, as Caffeine has it: a node comes to a small window, the first list, in the order of uses. What falls out of it
/// must be used more often, by the sketch, than the victim of the main part to stay. The main part is on probation, the
/// second list, until it is used there, and then protected, the third; both in the order of uses.
extension EvictionOrder {
    private var windowSize: Int { window.windowSize(of: size) }
    private var protectedSize: Int { window.protectedSize(of: size) }

    mutating func insertAsWTinyLFU(_ node: Node) {
        append(node, to: .first)
        window.note(requests: 1, hits: 0)
        adapt()
    }

    mutating func useAsWTinyLFU(_ node: Node) {
        window.note(requests: 1, hits: 1)
        if node.list == .second, protectedSize > 0 {
            move(node, to: .third)
            demote()
        } else {
            move(node, to: node.list)
        }
        adapt()
    }

    mutating func victimOfWTinyLFU() -> Node? {
        // Room is made for one that will come to the window.
        var candidate: Node?
        var moves = 0
        while first.count + 1 > windowSize, moves < AdaptiveWindow.mostMoves, let node = first.oldest {
            move(node, to: .second)
            candidate = candidate ?? node
            moves += 1
        }
        // Where other rules ruled before, the window may be too small yet: what comes has the main part's room then.
        if candidate == nil, first.count + 1 < windowSize, let node = second.oldest ?? third.oldest { return node }
        guard let challenger = candidate ?? first.oldest else { return second.oldest ?? third.oldest }
        guard let incumbent = second.oldest else { return challenger }
        return challenger == incumbent || admits(challenger, over: incumbent) ? incumbent : challenger
    }

    private mutating func admits(_ challenger: Node, over incumbent: Node) -> Bool {
        if favoursLatest { return true }
        let frequency = sketch.frequency(challenger.hash)
        if frequency > sketch.frequency(incumbent.hash) { return true }
        // Now and then one that is about as good gets in, so that nobody who knows the sketch can keep others out.
        return frequency >= AdaptiveWindow.warmFrequency && ties.isLucky()
    }

    private mutating func demote() {
        while third.count > protectedSize, let node = third.oldest { move(node, to: .second) }
    }

    /// Widens or narrows the window when enough was seen.
    private mutating func adapt() {
        // An adaptive order follows the window that was tried out for it: two climbers may end on different hills.
        guard !isAdaptive, rules == .wTinyLFU, let step = window.step(size: size) else { return }
        resizeWindow(by: Int(step * Double(size)))
    }

    /// Brings the window to a share of all nodes, if these are the rules.
    mutating func followWindow(share: Double) {
        guard rules == .wTinyLFU, share != window.share else { return }
        let change = Int((share - window.share) * Double(size))
        if change != 0 { resizeWindow(by: change) }
    }

    /// A bounded number of nodes at a time.
    private mutating func resizeWindow(by change: Int) {
        let size = size
        if change > 0 {
            let wanted = min(change, protectedSize)
            window.widen(by: wanted, of: size)
            demote()
            var moved = 0
            while moved < min(wanted, AdaptiveWindow.mostMoves), let node = second.oldest ?? third.oldest {
                move(node, to: .first)
                moved += 1
            }
            window.widen(by: moved - wanted, of: size)
        } else if change < 0 {
            let wanted = min(-change, max(0, windowSize - 1))
            window.widen(by: -wanted, of: size)
            var moved = 0
            while moved < min(wanted, AdaptiveWindow.mostMoves), let node = first.oldest {
                move(node, to: .second)
                moved += 1
            }
            window.widen(by: wanted - moved, of: size)
        }
    }
}
