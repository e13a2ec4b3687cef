package import CacheCore

/// What a load brought, for all who waited for it.
package struct LoadOutcome: Sendable {
    package enum Result: Sendable {
        case value(LoadedValue)
        /// The origin has nothing under the key.
        case absent
        /// It failed, but a value is kept past its expiry that may be served then.
        case stale(LoadedValue, LoadFailure)
        case failure(LoadFailure)
    }

    package var result: Result
    /// The status of the origin's last answer; nil if there was none.
    package var status: Int?
    /// Whether what came is in the cache now: the value, or that there is none.
    package var isStored = false
    /// The ticket of who began it.
    var leader: UInt64 = 0
}

/// Why a load failed.
package struct LoadFailure: Error, Sendable, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The origin could not be asked, or answered what is no value.
        case failed = "origin_failed"
        /// It did not answer in time.
        case timedOut = "origin_timeout"
        /// It was not asked: too many of its answers were failures, or too many loads wait for it.
        case unavailable = "origin_unavailable"
    }

    package var code: Code
    /// What was wrong, and what would be right, for any client: it does not say where the origin is. The log does, see
    /// ``Origins/FaultObserver``.
    package var detail: String
    /// After how many seconds it is worth asking again.
    package var retryAfter: Int?

    package init(_ code: Code, _ detail: String, retryAfter: Int? = nil) {
        self.code = code
        self.detail = detail
        self.retryAfter = retryAfter
    }
}

/// A value that was loaded, or is kept past its expiry: many may serve it at a time.
///
/// Unsafe: its bytes. They are allocated by the initializer, never changed after it, and freed with this.
package final class LoadedValue: @unchecked Sendable {
    // Sendable: see above; all else is constant.
    package let bytes: UnsafeRawBufferPointer
    package let digest: UInt64
    /// When it expires, by the cache's clock; nil for never.
    package let expiresAt: Int64?
    /// Nanoseconds since it was put, at ``loadedAt``.
    private let ageThen: Int64
    private let loadedAt: Int64

    init(
        count: Int, expiresAt: Int64?, age: Int64, now: Int64, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        fill(memory)
        bytes = UnsafeRawBufferPointer(memory)
        digest = ProductionCache.digest(of: bytes)
        self.expiresAt = expiresAt
        ageThen = age
        loadedAt = now
    }

    /// A copy of what the cache has.
    package static func copy(of value: borrowing CachedValue, now: Int64) -> LoadedValue {
        let expiresAt = value.timeLeft(at: now).map { now + $0 - value.overdue(at: now) }
        let age = value.age(at: now)
        return value.withUnsafeBytes { json in
            LoadedValue(count: json.count, expiresAt: expiresAt, age: age, now: now) { $0.copyMemory(from: json) }
        }
    }

    deinit { bytes.deallocate() }

    package func age(at now: Int64) -> Int64 { ageThen + max(0, now - loadedAt) }

    /// Nanoseconds until it expires, less than 0 if it has; nil if it does not.
    package func timeLeft(at now: Int64) -> Int64? { expiresAt.map { $0 - now } }
}
