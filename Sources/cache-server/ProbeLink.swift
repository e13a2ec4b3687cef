import Glibc

/// What a probe asks by: a socket, or TLS on one.
protocol ProbeStream {
    /// Sends some of the bytes, and returns how many.
    func send(_ bytes: ArraySlice<UInt8>) throws(HealthProbe.Failure) -> Int

    /// Receives what there is, at most so many bytes; none at the end.
    func receive(_ most: Int) throws(HealthProbe.Failure) -> [UInt8]
}

/// A probe's connected socket, which does not block, and the time until which it is waited for.
struct ProbeLink: ProbeStream {
    let descriptor: Int32
    private let deadline: ContinuousClock.Instant

    init(_ descriptor: Int32, _ deadline: ContinuousClock.Instant) {
        self.descriptor = descriptor
        self.deadline = deadline
    }

    func send(_ bytes: ArraySlice<UInt8>) throws(HealthProbe.Failure) -> Int {
        try transfer(POLLOUT) {
            bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
    }

    func receive(_ most: Int) throws(HealthProbe.Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: most)
        let count = try transfer(POLLIN) { recv(descriptor, &buffer, most, 0) }
        return Array(buffer[..<count])
    }

    private func transfer(_ event: Int32, _ call: () -> Int) throws(HealthProbe.Failure) -> Int {
        while true {
            try wait(for: event)
            let count = call()
            if count >= 0 { return count }
            guard errno == EAGAIN || errno == EINTR else {
                throw HealthProbe.Failure(reason: SystemError.last.description)
            }
        }
    }

    /// Waits until the socket is ready for reading or writing.
    func wait(for event: Int32) throws(HealthProbe.Failure) {
        while true {
            let left = (deadline - .now) / .milliseconds(1)
            guard left > 0 else { throw HealthProbe.Failure(reason: "no answer in time") }
            var waiting = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let ready = poll(&waiting, 1, Int32(min(left.rounded(.up), Double(Int32.max))))
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw HealthProbe.Failure(reason: SystemError.last.description) }
        }
    }
}
