internal import CacheCore

/// An origin for the keys that begin alike, and how it is asked.
public struct OriginRoute: Sendable {
    /// What the keys begin with, in UTF-8; empty for all.
    public var prefix: [UInt8]
    public var template: OriginTemplate
    /// Whether the origin is asked for keys without the prefix.
    public var stripsPrefix = false
    /// What the origin is sent beside what every request has. They may be secret.
    public var headers: [(name: String, value: String)] = []

    /// How long an answer lives that does not say itself; nil as entries without a time to live do.
    public var timeToLive: Duration?
    /// How long after its expiry a value is served while it is fetched anew, unless the answer says itself.
    public var staleWhileRevalidate = Duration.zero
    /// How long after its expiry a value is served when it can't be fetched, unless the answer says itself.
    public var staleIfError = Duration.zero
    /// How long it is remembered that the origin has nothing under a key; zero for not at all.
    public var negativeTimeToLive = OriginRoute.defaultNegativeTimeToLive

    /// How long a load may take, with its wait for others and all its attempts.
    public var timeout = OriginRoute.defaultTimeout
    /// How many loads there are at a time, and how many more may wait.
    public var mostFetches = OriginRoute.defaultMostFetches
    public var mostWaiting = OriginRoute.defaultMostWaiting
    /// How often an attempt that failed is repeated.
    public var retries = 2
    /// How eagerly values are fetched anew before they expire, see ``EarlyRefresh``; 0 for not at all.
    public var beta = 1.0

    public static let defaultNegativeTimeToLive = Duration.seconds(5)
    public static let defaultTimeout = Duration.seconds(5)
    public static let defaultMostFetches = 64
    public static let defaultMostWaiting = 1024

    public init(prefix: [UInt8] = [], template: OriginTemplate) {
        self.prefix = prefix
        self.template = template
    }

    /// The URL for a key that begins with the prefix; nil if there is none.
    func url(key: UnsafeRawBufferPointer) -> String? {
        template.url(key: key.dropFirst(stripsPrefix ? prefix.count : 0))
    }
}

/// Which of some routes is a key's: the one with the longest prefix.
struct OriginTable: Sendable {
    /// The longest prefix first.
    private let routes: [OriginRoute]

    init(_ routes: [OriginRoute]) {
        self.routes = routes.sorted { $0.prefix.count > $1.prefix.count }
    }

    var count: Int { routes.count }
    subscript(place: Int) -> OriginRoute { routes[place] }

    /// The place of a key's route.
    ///
    /// - Complexity: Linear in the number of routes, of which there are few.
    func place(for key: UnsafeRawBufferPointer) -> Int? {
        routes.firstIndex { key.starts(with: $0.prefix) }
    }
}
