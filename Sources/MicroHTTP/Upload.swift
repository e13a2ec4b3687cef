/// A request's body between the calls.
///
/// Its properties go without the run-time check for overlapping accesses: the calls come one after another, and none of them
/// hands the upload on.
final class Upload {
    enum Destination {
        case buffer(limit: Int)
        case place(any BodyPlace, received: Int)
        case receiver(any BodyReceiver, held: Int)
        /// It is complete, and the response is still to be made.
        case waiting(WaitingRequest)
        /// It was refused, and answered; so many bytes more are thrown away before the connection is cut.
        case nowhere(budget: Int)
    }

    @exclusivity(unchecked) var destination: Destination
    @exclusivity(unchecked) var buffer: BodyBuffer
    let marks: HeadMarks
    /// When its head had arrived, as of an ``AccessLogClock``; nil if requests are not logged.
    let begun: Int64?

    /// How many bytes its body takes so far.
    var memory: Int {
        switch destination {
        case .place(_, let received): received
        case .receiver(_, let held): held
        case .buffer, .waiting, .nowhere: buffer.capacity
        }
    }

    /// - Parameter length: How many bytes are announced; nil if that is not known.
    init(_ destination: Destination, marks: HeadMarks, begun: Int64?, length: Int? = nil) {
        self.destination = destination
        self.marks = marks
        self.begun = begun
        if case .buffer = destination {
            buffer = BodyBuffer(expected: length)
        } else {
            buffer = BodyBuffer(expected: nil)
        }
    }
}
