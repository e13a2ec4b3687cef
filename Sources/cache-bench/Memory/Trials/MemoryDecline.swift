/// How the memory of a process goes down after its cache was cleared.
struct MemoryDecline: Codable, Sendable {
    struct Look: Codable, Sendable {
        /// Since the clear was begun.
        let seconds: Double
        let bytes: Int
    }

    /// RSS before the clear.
    let bytesBefore: Int
    let looks: [Look]

    /// For so long the memory is watched.
    static let patience = Duration.seconds(10)
    private static let interval = Duration.milliseconds(100)

    /// Runs `clear` and watches.
    init(of memory: () throws -> Int, after clear: () throws -> Void) throws {
        bytesBefore = try memory()
        var looks: [Look] = []
        let start = ContinuousClock.now
        try clear()
        while true {
            let elapsed = ContinuousClock.now - start
            looks.append(Look(seconds: elapsed.seconds, bytes: try memory()))
            if elapsed >= Self.patience { break }
            pause(Self.interval)
        }
        self.looks = looks
    }

    init(bytesBefore: Int, looks: [Look]) {
        self.bytesBefore = bytesBefore
        self.looks = looks
    }

    /// The least that was seen in the time.
    var leastBytes: Int? { looks.map(\.bytes).min() }

    /// When the memory was below `bytes` for the first time, in seconds; nil if it never was.
    func seconds(untilBelow bytes: Int) -> Double? { looks.first { $0.bytes < bytes }?.seconds }
}
