#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Waits until a socket is ready, or a tenth of a second is over, so that whoever waits is asked several times a second whether to go on.
///
/// - Parameters:
///   - events: `POLLIN`, `POLLOUT`, or both.
///   - isCancelled: Asked whether to stop.
/// - Returns: Whether it is ready, or has failed, which the next call on it tells.
/// - Throws: ``SourceFailure/cancelled``.
func awaitSocket(
    _ descriptor: CInt, _ events: some BinaryInteger, unless isCancelled: () -> Bool
) throws(SourceFailure) -> Bool {
    guard !isCancelled() else { throw .cancelled }
    var socket = pollfd(fd: descriptor, events: CShort(events), revents: 0)
    return poll(&socket, 1, 100) != 0
}

/// Waits until a socket is ready.
///
/// - Throws: ``SourceFailure/cancelled``, or that the server does not answer in time.
func awaitSocket(
    _ descriptor: CInt, _ events: some BinaryInteger, until deadline: ContinuousClock.Instant,
    unless isCancelled: () -> Bool
) throws(SourceFailure) {
    while try !awaitSocket(descriptor, events, unless: isCancelled) {
        guard ContinuousClock.now < deadline else {
            throw SourceFailure("the server does not answer in time", isTransient: true)
        }
    }
}
