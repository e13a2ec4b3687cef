internal import CacheCore
internal import FieldSyntax

/// How long an origin's answer may be used: RFC 9111 for a shared cache, RFC 5861 for stale answers, and what the route says where the
/// answer says nothing. In nanoseconds.
///
/// That a request had `Authorization` does not keep its answer from being stored (RFC 9111, section 3.5): it is the server's own, as
/// the configuration says, not a client's.
struct OriginFreshness: Equatable {
    /// How long from now on; nil if the answer says nothing and the route neither, which the cache then decides.
    var lifetime: Int64?
    var staleWhileRevalidate: Int64
    var staleIfError: Int64

    /// - Parameters:
    ///   - answer: The answer.
    ///   - route: What holds where it says nothing.
    ///   - wallClock: The time of day, in nanoseconds since 1970.
    /// - Returns: nil if the answer must not be stored, or is of no use later.
    static func of(_ answer: OriginAnswer, _ route: OriginRoute, wallClock: Int64) -> OriginFreshness? {
        let control = ResponseCacheControl(answer)
        // `no-cache` would be stored only to be asked for each time.
        guard !control.has("no-store"), !control.has("private"), !control.has("no-cache"),
            !answer.values(of: "vary").contains(where: { $0.split(separator: ",").contains { $0.trimmed == "*" } })
        else { return nil }
        var lifetime = route.timeToLive?.nanoseconds
        if let explicit = explicitLifetime(answer, control, wallClock: wallClock) {
            let age = answer.field("age").flatMap { FieldSeconds.parse($0) } ?? 0
            lifetime = explicit - age * second
        }
        // `s-maxage` forbids it too, but where the answer itself allows it (RFC 9111, section 4.2.4).
        let forbidsStale = control.has("must-revalidate") || control.has("proxy-revalidate")
        func window(_ directive: String, _ ofRoute: Duration) -> Int64 {
            if forbidsStale { return 0 }
            if let seconds = control.seconds(directive) { return min(seconds * second, longest) }
            return control.has("s-maxage") ? 0 : min(max(0, ofRoute.nanoseconds), longest)
        }
        var freshness = OriginFreshness(
            lifetime: lifetime.map { min($0, longest) },
            staleWhileRevalidate: window("stale-while-revalidate", route.staleWhileRevalidate),
            staleIfError: window("stale-if-error", route.staleIfError))
        if let lifetime = freshness.lifetime, lifetime <= 0 {
            // Stale when it comes, which is of use only if it may be served so.
            guard freshness.longestWindow > 0 else { return nil }
            freshness.lifetime = 1
        }
        return freshness
    }

    /// How long it is to be remembered that the origin has nothing: not longer than the route says.
    static func ofAbsence(_ answer: OriginAnswer, _ route: OriginRoute, wallClock: Int64) -> Int64? {
        var route = route
        let most = route.negativeTimeToLive
        route.timeToLive = most
        route.staleIfError = .zero
        route.staleWhileRevalidate = .zero
        guard most > .zero, let freshness = of(answer, route, wallClock: wallClock), let lifetime = freshness.lifetime
        else { return nil }
        return min(lifetime, most.nanoseconds)
    }

    /// How long after its expiry the value may be of use.
    var longestWindow: Int64 { max(staleWhileRevalidate, staleIfError) }

    private static let second: Int64 = 1_000_000_000
    private static let longest = CacheConfiguration.maximumTTL.nanoseconds

    /// What the answer says (RFC 9111, section 4.2.1); what is wrong, or said twice, is stale (section 4.2.1).
    private static func explicitLifetime(
        _ answer: OriginAnswer, _ control: ResponseCacheControl, wallClock: Int64
    ) -> Int64? {
        for directive in ["s-maxage", "max-age"] where control.has(directive) {
            return (control.seconds(directive) ?? 0) * second
        }
        let expires = answer.values(of: "expires")
        guard let text = expires.first else { return nil }
        guard expires.count == 1, let end = HTTPDateText.parse(text) else { return 0 }
        let date = answer.field("date").flatMap { HTTPDateText.parse($0) } ?? wallClock / second
        let seconds = min(max(0, end - date), longest / second)
        return seconds * second
    }
}

/// The directives of an answer's `Cache-Control`.
private struct ResponseCacheControl {
    /// By name; nil for one that was given in several ways.
    private var arguments: [String: String?] = [:]

    init(_ answer: OriginAnswer) {
        for value in answer.values(of: "cache-control") {
            var value = value
            value.withUTF8 { utf8 in
                for (name, argument) in Directives(UnsafeRawBufferPointer(utf8)) {
                    let name = String(decoding: name, as: UTF8.self).lowercased()
                    let argument = String(decoding: argument, as: UTF8.self)
                    if let before = arguments[name], before != argument {
                        arguments[name] = .some(nil)
                    } else {
                        arguments[name] = argument
                    }
                }
            }
        }
    }

    func has(_ name: String) -> Bool { arguments[name] != nil }

    /// The directive's seconds; nil if it is not there or wrong.
    func seconds(_ name: String) -> Int64? { (arguments[name] ?? nil).flatMap { FieldSeconds.parse($0) } }
}

extension Substring {
    fileprivate var trimmed: String { split { $0 == " " || $0 == "\t" }.joined(separator: " ") }
}
