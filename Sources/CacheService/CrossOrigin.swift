internal import MicroHTTP

/// Which web pages of other origins may use the service from a browser (the Fetch standard's CORS protocol).
public struct CrossOrigin: Sendable, Equatable {
    /// The origins; empty for any.
    private let origins: [String]

    /// The longest origin: a response's fields have bounds.
    public static let mostOriginBytes = 100

    /// - Parameter text: Origins such as `https://app.example`, with commas between them, or `*` for any.
    /// - Returns: nil if it is neither.
    public init?(_ text: String) {
        if text == "*" {
            origins = []
            return
        }
        origins = text.split(separator: ",", omittingEmptySubsequences: false).map { origin in
            String(origin.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard origins.allSatisfy(Self.isOrigin) else { return nil }
    }

    /// As ``init(_:)`` reads it.
    public var text: String { origins.isEmpty ? "*" : origins.joined(separator: ",") }

    /// A scheme, `://` and an authority, as browsers write it: `null` is none that could be trusted.
    private static func isOrigin(_ text: String) -> Bool {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[1].hasPrefix("//"), parts[1].utf8.count > 2, text.utf8.count <= mostOriginBytes
        else { return false }
        return parts[0].utf8.allSatisfy { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
            && parts[1].dropFirst(2).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    }

    /// The fields that a response to the request has for the browser.
    func fields(for head: RequestHead) -> HeaderFields {
        var fields = HeaderFields()
        // A cache between must not give one origin what is for another.
        if !origins.isEmpty { fields.add("Vary", "Origin") }
        guard let allowed = allowedOrigin(of: head) else { return fields }
        fields.add("Access-Control-Allow-Origin", allowed)
        if head.method == .options, head.header("Access-Control-Request-Method") != nil {
            let (route, _) = Route.match(head.path)
            fields.add("Access-Control-Allow-Methods", route.methods.list)
            fields.add(
                "Access-Control-Allow-Headers",
                "Authorization, Content-Type, Cache-Control, If-Match, If-None-Match, Cache-Groups, Lease")
            fields.add("Access-Control-Max-Age", "600")
        } else {
            fields.add("Access-Control-Expose-Headers", "ETag, Age, Cache-Status, Retry-After, Lease")
        }
        return fields
    }

    private func allowedOrigin(of head: RequestHead) -> String? {
        guard let origin = head.header("Origin") else { return nil }
        return origins.isEmpty ? "*" : origins.first { origin.elementsEqual($0.utf8) }
    }
}
