/// What became of the items of a source that a cache was warmed from.
public struct WarmReport: Sendable, Equatable {
    /// An item that was not put, and why.
    public struct ItemError: Sendable, Equatable {
        /// The number of the line, or of the item in a source without lines, from 1.
        public var line: Int
        public var code: CacheError.Code
        /// What was wrong, where, and what would be right.
        public var detail: String
    }

    /// Items that were put.
    public var loaded = 0
    /// Items that were refused.
    public var failed = 0
    /// Items that were passed over because their expiry was past.
    public var expired = 0
    /// Why items were refused: the first ``maximumErrors`` of them.
    public var errors: [ItemError] = []
    /// How long it took.
    public var duration: Duration = .zero

    /// How many errors are kept with their details; all are counted.
    public static let maximumErrors = 100

    /// Puts a batch in, and adds what became of it; for what does not get in, the line of the last item stands.
    mutating func add(_ batch: consuming WriteBatch, line: Int) {
        let count = batch.count
        let refused = batch.commitWhatFits()
        loaded += count - refused
        for _ in 0..<refused {
            addFailure(
                line: line, CacheError(.insufficientStorage, "memory is exhausted: the item could not be put in"))
        }
    }

    mutating func addFailure(line: Int, _ error: CacheError) {
        failed += 1
        if errors.count < Self.maximumErrors {
            errors.append(ItemError(line: line, code: error.code, detail: error.message))
        }
    }
}
