internal import CMicroHTTPD
internal import Glibc

// What becomes of a connection: libmicrohttpd tells when one is opened and before it is closed; and what is sent on it past the
// library.

let handleConnection: MHD_NotifyConnectionCallback = { context, connection, slot, event in
    guard let context, let connection, let slot else { return }
    Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { worker in
        let socket = mhd_socket(connection)
        let address = mhd_client_address(connection).flatMap { ClientAddress($0) }
        switch event {
        case .CONNECTION_NOTIFY_STARTED:
            worker.watch?.opened(socket)
            if let (server, handshakes) = worker.tls, let tls = TLSConnection(connection, server, handshakes) {
                slot.pointee = Unmanaged.passRetained(tls).toOpaque()
            }
            if let refusal = worker.limits.admit(address) { refuse(connection, refusal, worker) }
        case .CONNECTION_NOTIFY_CLOSED:
            worker.watch?.closed(socket)
            if !worker.refusedConnections.remove(socket) { worker.limits.end(address) }
            if let held = slot.pointee { Unmanaged<TLSConnection>.fromOpaque(held).release() }
            slot.pointee = nil
        @unknown default: break
        }
    }
}

/// Answers a connection before it has asked. It may still ask: what it sends is thrown away, and it is closed then. If many wait for
/// that, it is closed at once, though it may not see the answer then: whoever is refused must not take the room of others.
private func refuse(_ connection: OpaquePointer, _ refusal: ConnectionRefusal, _ worker: Worker) {
    worker.refusedConnections.insert(mhd_socket(connection))
    let isTold = sendNow(worker.dispatcher.refuseConnection(refusal), connection, isHead: false, worker)
    let mayStay = isTold && worker.refusedConnections.count <= worker.mostRefused
    if !mayStay { shutdown(mhd_socket(connection), CInt(SHUT_RDWR)) }
    mhd_set_timeout(connection, discardTimeout)
}

/// How many seconds a client may be silent that was refused.
let discardTimeout: CUnsignedInt = 5

/// Writes a small response to the socket, past the library, and nothing more behind it.
func sendNow(
    _ response: consuming Response, _ connection: OpaquePointer, isHead: Bool, _ worker: Worker
) -> Bool {
    let socket = mhd_socket(connection)
    let bodyCount = isHead ? 0 : response.byteCount
    guard socket >= 0, let bodyCount,
        let bytes = serialize(response, toHead: isHead, date: worker.currentDate)
    else { return false }
    let sent = bytes.withUnsafeBytes { bytes in
        if let session = mhd_tls_session(connection) { return TLSConnection.sendLast(bytes, session) }
        let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
        return Glibc.send(socket, bytes.baseAddress, bytes.count, flags) == bytes.count
    }
    guard sent else { return false }
    worker.traffic.send(bodyCount)
    // A client that waits for the end of the connection sees it, whatever it has sent.
    shutdown(socket, CInt(SHUT_WR))
    return true
}
