/// Which of the policies that ``EvictionPolicy/auto`` chooses among is to govern, given which of them hit.
///
/// Hits count less the longer ago they were. A policy takes over when its lead over the one that governs is beyond what
/// chance could make of as many requests in which the two differ.
struct PolicyContest {
    /// Whether each of the ``EvictionRules/candidates`` hit, in their order.
    typealias Hits = [4 of Bool]

    /// The rules that are to govern.
    var rules: EvictionRules { EvictionRules.candidates[leader] }
    /// Their place among the candidates.
    private(set) var leader = EvictionRules.candidates.firstIndex(of: EvictionRules(.auto)) ?? 0

    /// Hits of each candidate, each counting less with every later request.
    private var hits = [4 of Double](repeating: 0)
    /// In how many requests two candidates differed, likewise.
    private var differences = [4 of [4 of Double]](repeating: [4 of Double](repeating: 0))
    private var seen = 0
    private let capacity: Int
    private let decay: Double

    /// After how many requests an entry a hit counts 1/e.
    private static let memory = 8.0
    /// How many standard deviations a lead must have.
    private static let significance = 3.0

    /// - Parameter capacity: How many entries the candidates' caches have.
    init(capacity: Int) {
        self.capacity = capacity
        decay = 1 - 1 / (Self.memory * Double(capacity))
    }

    /// Notes one request.
    mutating func note(_ isHit: Hits) {
        seen += 1
        for one in hits.indices {
            hits[one] = hits[one] * decay + (isHit[one] ? 1 : 0)
            for other in 0..<one {
                differences[one][other] = differences[one][other] * decay + (isHit[one] == isHit[other] ? 0 : 1)
            }
        }
        guard seen >= capacity else { return }
        var best = leader
        for place in hits.indices where hits[place] > hits[best] { best = place }
        guard best != leader else { return }
        let lead = hits[best] - hits[leader]
        guard lead > Self.significance * differences[max(best, leader)][min(best, leader)].squareRoot() else { return }
        leader = best
    }
}
