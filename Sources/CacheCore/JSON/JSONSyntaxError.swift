/// A place where a text is not JSON.
public struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The first byte, from 0, at which the text cannot be JSON any more; the text's count if it ends too early.
    public let offset: Int

    /// What would have been right there, such as `expected ',' or '}' after a member`.
    public let reason: String

    /// The reason and the place: `expected ',' or '}' after a member, at byte 17`.
    public var description: String { "\(reason), at byte \(offset)" }
}
