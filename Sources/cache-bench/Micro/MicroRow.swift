/// One operation, timed on several contenders in turns.
struct MicroRow {
    enum ID: String, Codable, Sendable {
        case get
        case getZipf = "get-zipf"
        case getShortKeys = "get-short-keys"
        case put
        case putZipf = "put-zipf"
        case largeGet = "large-get"
        case largeGetZipf = "large-get-zipf"
        case largePut = "large-put"
        case mget
        case typed
    }

    /// What is timed.
    struct Contender {
        let id: MicroContender
        let title: String
        /// Makes ready what operations on the entries of these numbers need, and returns what is timed: it performs the
        /// operations, and returns how many.
        let prepare: (ArraySlice<Int>) throws -> () throws -> Int
    }

    let id: ID
    let title: String
    /// Of the entries that are asked for, in their order.
    let numbers: [Int]
    let contenders: [Contender]

    /// Operations between two looks at the clock: enough to make these cheap, and few enough that the keys made for them
    /// are in the processor's cache, as they are in a program that has just made or read them.
    private static let stretch = 500

    /// Time for what a contender has left for its other threads to do, which would else be laid to the next.
    private static let rest = Duration.milliseconds(200)

    /// Times all contenders, each once a round, with the same entries in the same order.
    ///
    /// - Parameter only: The contender to time alone; nil for all.
    func result(rounds: Int, seconds: Double, only: MicroContender? = nil) throws -> MicroResult {
        let contenders = contenders.filter { only == nil || $0.id == only }
        for contender in contenders { _ = try time(contender, seconds: 0) }
        var times = contenders.map { _ in [MicroResult.Time]() }
        for _ in 0..<rounds {
            for (index, contender) in contenders.enumerated() {
                times[index].append(try time(contender, seconds: seconds))
            }
        }
        return MicroResult(
            id: id, title: title,
            contenders: zip(contenders, times).map { MicroResult.Entry(id: $0.id, title: $0.title, rounds: $1) })
    }

    /// Asks for all entries once, and again and again until the operations have taken so long.
    ///
    /// The time is the thread's own on a processor, so that a machine with other work on it measures nearly the same. What
    /// the contender lets other threads do meanwhile is measured apart.
    private func time(_ contender: Contender, seconds: Double) throws -> MicroResult.Time {
        var operations = 0
        var elapsed: UInt64 = 0
        let (processStart, threadStart) = (MachineClock.ofProcess(), MachineClock.ofThread())
        repeat {
            for start in stride(from: 0, to: numbers.count, by: Self.stretch) {
                let perform = try contender.prepare(numbers[start..<min(start + Self.stretch, numbers.count)])
                let begin = MachineClock.ofThread()
                operations += try perform()
                elapsed += MachineClock.ofThread() - begin
            }
        } while Double(elapsed) < seconds * 1e9
        let thread = MachineClock.ofThread() - threadStart
        pause(Self.rest)
        let process = MachineClock.ofProcess() - processStart
        return MicroResult.Time(
            operation: Double(elapsed) / Double(operations),
            background: Double(max(process, thread) - thread) / Double(operations))
    }
}
