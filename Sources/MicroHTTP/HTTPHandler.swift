/// What answers the requests of a server.
///
/// Every method is called on one of the server's threads, which serves many connections: none may block.
public protocol HTTPHandler: Sendable {
    /// Whether each response of ``respond(to:)`` tells when it was begun. False if not said.
    var tellsTime: Bool { get }

    /// Decides what to do with a request's body when its head has arrived. Not called for a request without a body.
    func admit(_ head: RequestHead) -> Admission

    /// Answers a request whose body is longer than the limit of its admission.
    func refuse(_ head: RequestHead, overLimit limit: Int) -> Response

    /// Answers a request for whose body, or for whose answer, there is no memory now.
    func refuse(overloaded head: RequestHead) -> Response

    /// Answers a connection for which there is no room, whatever it would ask; it is closed behind the answer.
    func refuse(_ refusal: ConnectionRefusal) -> Response

    /// Answers a request whose head is wrong; the connection is closed behind it.
    func refuse(malformed detail: String) -> Response

    /// Answers a request whose head, or the fields behind its chunked body, are too large; the connection is closed behind it.
    func refuse(headTooLarge detail: String) -> Response

    /// Answers a request whose body, if any, was collected. What is to be known of the request later must be copied: its bytes are there
    /// during the call.
    func respond(to request: Request) -> Reply
}

extension HTTPHandler {
    public var tellsTime: Bool { false }
}

/// Why there is no room for a connection.
public enum ConnectionRefusal: Sendable, Equatable {
    /// There are as many as there may be.
    case connections(most: Int)
    /// There are as many from its address as there may be from one.
    case connectionsOfAddress(most: Int)
}

/// What to do with the body of a request.
public enum Admission: ~Copyable {
    /// Collect it, and hand it to ``HTTPHandler/respond(to:)``. A body of more bytes is refused as soon as that is known.
    case collect(limit: Int)
    /// Collect it, of which the length is known, in memory of the handler's.
    case place(any BodyPlace)
    /// Hand it on piece by piece.
    case stream(any BodyReceiver)
    /// Answer at once without taking it, and close the connection. The response must be small, and no stream.
    case refuse(Response)
}

/// Memory that a body is collected in.
public protocol BodyPlace: AnyObject {
    /// As many bytes as the body has, and ``Request/padding``, at an address that stays for as long as this lives. They are written before
    /// the request is answered, and never after.
    var room: UnsafeMutableRawBufferPointer { get }
}

/// Takes in a body piece by piece, and makes the answer when it is complete.
public protocol BodyReceiver: AnyObject {
    /// Takes in the next piece.
    func receive(_ piece: BorrowedBytes)

    /// The body is complete. Not called when the client goes away before.
    func respond() -> Reply

    /// How many bytes it holds at present for what has come.
    var heldBytes: Int { get }
}

extension BodyReceiver {
    public var heldBytes: Int { 0 }
}
