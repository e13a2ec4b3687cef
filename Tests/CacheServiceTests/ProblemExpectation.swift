internal import Foundation
internal import Testing

@testable internal import CacheService

/// What a test expects of an error.
struct ExpectedProblem: CustomTestStringConvertible {
    let status: Int
    let code: String
    /// The whole of it; nil for any that says something.
    let detail: String?

    init(_ status: Int, _ code: String, _ detail: String? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    var testDescription: String { "\(status) \(code)" }
}

/// Expects a reply to be a problem document (RFC 9457) with exactly the members that it must have.
///
/// - Returns: The items that it says were wrong.
@discardableResult
func expect(
    _ reply: Reply, is problem: ExpectedProblem, sourceLocation: SourceLocation = #_sourceLocation
) throws -> [[String: String]] {
    #expect(reply.status == problem.status, "\(reply.text)", sourceLocation: sourceLocation)
    #expect(reply["Content-Type"] == "application/problem+json", sourceLocation: sourceLocation)
    var members = try reply.object
    #expect(members["type"] as? String == "about:blank", sourceLocation: sourceLocation)
    #expect(members["title"] as? String == ReasonPhrase.of(problem.status), sourceLocation: sourceLocation)
    #expect(members["status"] as? Int == problem.status, sourceLocation: sourceLocation)
    #expect(members["code"] as? String == problem.code, sourceLocation: sourceLocation)
    let detail = members["detail"] as? String
    if let expected = problem.detail {
        #expect(detail == expected, sourceLocation: sourceLocation)
    } else {
        #expect(detail?.isEmpty == false, sourceLocation: sourceLocation)
    }
    let items = members["errors"] as? [[String: String]]
    for name in ["type", "title", "status", "code", "detail", "errors"] { members[name] = nil }
    #expect(members.isEmpty, sourceLocation: sourceLocation)
    for item in items ?? [] { #expect(Set(item.keys) == ["key", "code", "detail"], sourceLocation: sourceLocation) }
    return items ?? []
}
