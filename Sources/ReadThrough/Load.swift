internal import CacheCore
internal import Synchronization

/// One load of a key: from its wait for a turn to what all who wait are told.
///
/// Its steps come one after the other, each on the thread that ends the one before. What they hand on they hand on as arguments, so that
/// nothing of it changes.
final class Load: Sendable {
    let loader: OriginLoader
    let origin: Origin
    private let flight: Flights<LoadOutcome>.Flight
    private let ticket: UInt64
    private let traceparent: String?
    let start: Int64
    private let deadline: Int64

    var key: [UInt8] { flight.key }
    var cache: ProductionCache { loader.cache }

    /// How often a load begins anew because the key was deleted meanwhile.
    private static let mostRounds = 3

    /// The right to store what comes, and what the origin calls the value that is there.
    struct Claim: Sendable {
        /// nil if there was no memory for one: nothing is stored then.
        var lease: Lease?
        var validator: [UInt8]?
        /// How often the load began, with this.
        var round: Int
    }

    init(
        _ loader: OriginLoader, _ origin: Origin, _ flight: Flights<LoadOutcome>.Flight, ticket: UInt64,
        deadline: Int64?, traceparent: String?
    ) {
        self.loader = loader
        self.origin = origin
        self.flight = flight
        self.ticket = ticket
        self.traceparent = traceparent
        start = loader.cache.now
        let latest = start + origin.route.timeout.nanoseconds
        self.deadline = min(deadline ?? latest, latest)
    }

    func begin() { begin(round: 1) }

    private func begin(round: Int) { waitForTurn(Claim(round: round)) }

    /// Begins to ask the origin, in its turn: there are only so many leases, and who waits needs none.
    private func takeTurn(round: Int) {
        var claim = Claim(round: round)
        do throws(CacheError) {
            let begun = try begun()
            claim.lease = begun.lease
            claim.validator = begun.validator
        } catch {
            // It is loaded all the same, for those who wait.
        }
        attempt(1, claim)
    }

    private func begun() throws(CacheError) -> (lease: Lease, validator: [UInt8]?) {
        try key.span.bytes.withUnsafeBytes { (key) throws(CacheError) in try cache.beginLoad(key) }
    }

    // MARK: Asking

    private func waitForTurn(_ claim: Claim) {
        switch origin.enter({ self.takeTurn(round: claim.round) }) {
        case .runs: takeTurn(round: claim.round)
        case .refused:
            fail(
                .init(
                    .unavailable,
                    "\(origin.route.mostFetches) loads of this origin are under way and \(origin.route.mostWaiting) wait, which is the most",
                    retryAfter: 1), status: nil, claim)
        case .waits(let number):
            loader.later(.nanoseconds(max(0, deadline - cache.now))) { [self] in
                // Most have had their turn by then.
                guard origin.giveUp(number) else { return }
                fail(
                    .init(.timedOut, "other loads of this origin took all of the \(origin.route.timeout)"),
                    status: nil, claim)
            }
        }
    }

    /// Asks the origin, for the so manieth time.
    private func attempt(_ number: Int, _ claim: Claim, last status: Int? = nil) {
        let now = cache.now
        guard deadline > now else {
            origin.leave()
            return fail(timedOut, status: status, claim)
        }
        guard let request = request(claim, timeout: deadline - now) else {
            origin.leave()
            return fail(.init(.failed, "the key has no URL at the origin"), status: nil, claim)
        }
        let (permit, wait) = origin.permit(now: now)
        guard let permit else {
            origin.leave()
            return fail(
                .init(
                    .unavailable, "the origin failed too often of late and is not asked for a while",
                    retryAfter: max(1, Int((wait + 999_999_999) / 1_000_000_000))), status: status, claim)
        }
        loader.fetch(request) { result in
            self.judge(result, of: number, permit, claim, patience: self.deadline - now)
        }
    }

    private func request(_ claim: Claim, timeout: Int64) -> OriginRequest? {
        guard let url = key.withUnsafeBytes({ origin.route.url(key: $0) }) else { return nil }
        var headers = origin.route.headers
        if !headers.contains(where: { $0.name.lowercased() == "accept" }) {
            headers.append((name: "Accept", value: "application/json"))
        }
        if let validator = claim.validator {
            headers.append((name: "If-None-Match", value: String(decoding: validator, as: UTF8.self)))
        }
        if let traceparent { headers.append((name: "traceparent", value: traceparent)) }
        return OriginRequest(
            url: url, headers: headers, timeout: .nanoseconds(timeout), maxBodyBytes: loader.maxValueBytes)
    }

    /// Notes what an attempt came to, and makes another if that may help.
    ///
    /// - Parameter patience: How long it could take, in nanoseconds.
    private func judge(
        _ result: Result<OriginAnswer, FetchFailure>, of number: Int, _ permit: CircuitBreaker.Permit, _ claim: Claim,
        patience: Int64
    ) {
        let now = cache.now
        if tellsOfOrigin(result, patience: patience) {
            origin.record(permit, succeeded: Self.isHealthy(result), now: now)
        } else {
            origin.abandon(permit)
        }
        let (isWorthIt, retryAfter): (Bool, Int64?) =
            switch result {
            case .success(let answer):
                (
                    RetrySchedule.isWorthRepeating(status: answer.status),
                    answer.retryAfter(wallClock: cache.wallClock)
                )
            case .failure(let failure): (RetrySchedule.isWorthRepeating(failure), nil)
            }
        let schedule = RetrySchedule(retries: origin.route.retries)
        let fraction = Double(loader.random() >> 11) * 0x1p-53
        if isWorthIt,
            let pause = schedule.pause(
                after: number, fraction: fraction, retryAfter: retryAfter, timeLeft: deadline - now)
        {
            let status: Int? = if case .success(let answer) = result { answer.status } else { nil }
            return loader.later(.nanoseconds(pause)) { self.attempt(number + 1, claim, last: status) }
        }
        origin.leave()
        loader.noteLoad(nanoseconds: now - start)
        switch result {
        case .success(let answer): take(answer, retryAfter: retryAfter, claim)
        case .failure(let failure):
            loader.faultObserver(origin.route, failure)
            fail(explain(failure), status: nil, claim)
        }
    }

    /// Whether what came says anything of the origin.
    private func tellsOfOrigin(_ result: Result<OriginAnswer, FetchFailure>, patience: Int64) -> Bool {
        switch result {
        case .failure(.notAsked): false
        // Else it had what others left of the time.
        case .failure(.timedOut): patience >= origin.route.timeout.nanoseconds / 10 * 9
        default: true
        }
    }

    /// Whether the origin is in order, whatever it thinks of the request.
    private static func isHealthy(_ result: Result<OriginAnswer, FetchFailure>) -> Bool {
        switch result {
        case .success(let answer): answer.status < 500
        case .failure(.tooLarge): true
        case .failure: false
        }
    }

    /// What a client is told: what kind of failure it was, and not where the origin is.
    private func explain(_ failure: FetchFailure) -> LoadFailure {
        switch failure {
        case .unreachable: .init(.failed, "the origin cannot be reached")
        case .broken: .init(.failed, "the origin's answer broke off")
        case .unreadable: .init(.failed, "the origin gave no answer that can be read")
        case .notAsked: .init(.failed, "the server could not ask the origin")
        case .timedOut: timedOut
        case .tooLarge: tooLarge
        }
    }

    private var timedOut: LoadFailure {
        .init(.timedOut, "the origin did not answer within \(origin.route.timeout)")
    }

    // MARK: Taking

    private func take(_ answer: OriginAnswer, retryAfter: Int64?, _ claim: Claim) {
        if answer.status < 500 { invalidateGroups(answer, claim) }
        switch answer.status {
        case 200: takeValue(answer, claim)
        case 304 where claim.validator != nil: takeUnchanged(answer, claim)
        case 404, 410: takeAbsence(answer, claim)
        case 300..<400:
            fail(
                .init(.failed, "the origin answered \(answer.status); redirects are not followed"),
                status: answer.status,
                claim)
        default:
            let seconds = retryAfter.map { Int(($0 + 999_999_999) / 1_000_000_000) }
            fail(
                .init(.failed, "the origin answered \(answer.status)", retryAfter: seconds), status: answer.status,
                claim)
        }
    }

    private func takeValue(_ answer: OriginAnswer, _ claim: Claim) {
        let value: LoadedValue
        var isStored = false
        do throws(LoadFailure) {
            (value, isStored) = try store(answer, claim)
        } catch {
            return fail(error, status: answer.status, claim)
        }
        guard !isStored, isLost(claim) else { return succeed(value, status: answer.status, isStored: isStored, claim) }
        goOn(with: value, status: answer.status, claim)
    }

    /// Another wrote or deleted the key meanwhile: what it wrote is newer than what came, and where it deleted, what came may be older.
    private func goOn(with value: LoadedValue?, status: Int, _ claim: Claim) {
        if case .fresh(let newer, _) = peek() {
            return succeed(.copy(of: newer, now: cache.now), status: status, isStored: false, claim)
        }
        if mayBeginAnew(claim) { return begin(round: claim.round + 1) }
        guard let value else {
            return fail(
                .init(.failed, "the key was deleted again and again while it was loaded"), status: status, claim)
        }
        succeed(value, status: status, isStored: false, claim)
    }

    private func mayBeginAnew(_ claim: Claim) -> Bool { claim.round < Self.mostRounds && cache.now < deadline }

    /// Whether the claim to the key was lost to another change of it.
    private func isLost(_ claim: Claim) -> Bool {
        guard let lease = claim.lease else { return false }
        return !key.withUnsafeBytes { cache.holds(lease, of: $0) }
    }

    /// The origin says that the value is as it was.
    private func takeUnchanged(_ answer: OriginAnswer, _ claim: Claim) {
        let freshness = OriginFreshness.of(answer, origin.route, wallClock: cache.wallClock)
        let validator = answer.field("etag").map { Array($0.utf8) } ?? claim.validator
        if let freshness, let lease = claim.lease {
            let note = note(freshness, hasValidator: true)
            let isRenewed = key.withUnsafeBytes {
                cache.renew(
                    $0, lifetime: freshness.lifetime ?? cache.defaultTimeToLive, note: note, validator: validator,
                    filling: lease)
            }
            // It may be stale already: then it is to be asked for each time.
            if isRenewed, let value = peek().value() {
                loader.figures.count(.revalidated)
                return succeed(.copy(of: value, now: cache.now), status: 304, isStored: true, claim)
            }
        } else if case .stale(let value, _) = peek() {
            return succeed(.copy(of: value, now: cache.now), status: 304, isStored: false, claim)
        }
        // The value has gone, which the origin thinks is here.
        goOn(with: nil, status: 304, claim)
    }

    /// The origin has nothing under the key.
    private func takeAbsence(_ answer: OriginAnswer, _ claim: Claim) {
        var isStored = false
        let lifetime = OriginFreshness.ofAbsence(answer, origin.route, wallClock: cache.wallClock)
        if let lease = claim.lease {
            // What is kept of an earlier answer expires with that, if it is still that.
            if key.withUnsafeBytes({ cache.noteAbsence(of: $0, lifetime: lifetime, filling: lease) }) {
                isStored = lifetime != nil
            } else {
                if case .fresh = peek() { return goOn(with: nil, status: answer.status, claim) }
                if mayBeginAnew(claim) { return begin(round: claim.round + 1) }
            }
        }
        loader.figures.count(.absences)
        finish(LoadOutcome(result: .absent, status: answer.status, isStored: isStored, leader: ticket), claim)
    }

    // MARK: Ending

    private func succeed(_ value: LoadedValue, status: Int, isStored: Bool, _ claim: Claim) {
        loader.figures.count(.values)
        finish(LoadOutcome(result: .value(value), status: status, isStored: isStored, leader: ticket), claim)
    }

    private func fail(_ failure: LoadFailure, status: Int?, _ claim: Claim) {
        loader.figures.count(.failures)
        if failure.code == .unavailable { loader.figures.count(.rejected) }
        let now = cache.now
        var result = LoadOutcome.Result.failure(failure)
        switch peek() {
        case .stale(let value, let note):
            if value.overdue(at: now) < note.staleIfError { result = .stale(.copy(of: value, now: now), failure) }
        // Another has put one meanwhile, or it was to be loaded ahead of its expiry.
        case .fresh(let value, _): result = .value(.copy(of: value, now: now))
        case .absent: break
        }
        finish(LoadOutcome(result: result, status: status, leader: ticket), claim)
    }

    private func finish(_ outcome: LoadOutcome, _ claim: Claim) {
        if let lease = claim.lease { key.withUnsafeBytes { cache.endLoad(lease, of: $0) } }
        loader.flights.finish(flight, outcome)
    }

    private func peek() -> LoadingLookup { key.span.bytes.withUnsafeBytes { cache.peekForLoading($0) } }
}
