/// What answers the requests of a server.
///
/// Every method is called on one of the server's threads, which serves many connections: none may block.
public protocol HTTPHandler: Sendable {
    /// Decides what to do with a request's body when its head has arrived. Not called for a request without a body.
    func admit(_ head: RequestHead) -> Admission

    /// Answers a request whose body is longer than the limit of its admission.
    func refuse(_ head: RequestHead, overLimit limit: Int) -> Response

    /// Answers a request for whose body there is no memory now.
    func refuse(overloaded head: RequestHead) -> Response

    /// Answers a request whose head is wrong; the connection is closed behind it.
    func refuse(malformed detail: String) -> Response

    /// Answers a request whose head, or the fields behind its chunked body, are too large; the connection is closed behind it.
    func refuse(headTooLarge detail: String) -> Response

    /// Answers a request whose body, if any, was collected.
    func respond(to request: Request) -> Response
}

/// What to do with the body of a request.
public enum Admission: ~Copyable {
    /// Collect it, and hand it to ``HTTPHandler/respond(to:)``. A body of more bytes is refused as soon as that is known.
    case collect(limit: Int)
    /// Hand it on piece by piece.
    case stream(any BodyReceiver)
    /// Answer at once without taking it, and close the connection. The response must be small, and no stream.
    case refuse(Response)
}

/// Takes in a body piece by piece, and makes the answer when it is complete.
public protocol BodyReceiver: AnyObject {
    /// Takes in the next piece.
    func receive(_ piece: BorrowedBytes)

    /// The body is complete. Not called when the client goes away before.
    func respond() -> Response
}
