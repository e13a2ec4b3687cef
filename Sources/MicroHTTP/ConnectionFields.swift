internal import CMicroHTTPD

/// Header fields, looked up in the connection. What is found lives as long as the request.
struct ConnectionFields: RequestFields {
    let connection: OpaquePointer

    func header(_ name: StaticString) -> BorrowedBytes? {
        var value: UnsafePointer<CChar>?
        var count = 0
        let isFound = name.utf8Start.withMemoryRebound(to: CChar.self, capacity: name.utf8CodeUnitCount) {
            MHD_lookup_connection_value_n(connection, .HEADER_KIND, $0, name.utf8CodeUnitCount, &value, &count)
        }
        return isFound == .YES ? UnsafeRawBufferPointer(start: value, count: count) : nil
    }

    func forEachHeader(_ name: StaticString, _ visit: (BorrowedBytes) -> Void) {
        withoutActuallyEscaping(visit) { visit in
            var search = (name: name, visit: visit)
            _ = withUnsafeMutablePointer(to: &search) { search in
                MHD_get_connection_values_n(connection, .HEADER_KIND, Self.visit, search)
            }
        }
    }

    var clientAddress: ClientAddress? { mhd_client_address(connection).flatMap { ClientAddress($0) } }

    var hasClientCertificate: Bool { mhd_tls_session(connection).map { hasCertificate(OpaquePointer($0)) } ?? false }

    private static let visit: MHD_KeyValueIteratorN = { context, _, name, nameCount, value, valueCount in
        guard let search = context?.assumingMemoryBound(to: (name: StaticString, visit: (BorrowedBytes) -> Void).self)
        else { return .NO }
        let name = UnsafeRawBufferPointer(start: name, count: nameCount)
        if name.equalsIgnoringCase(search.pointee.name) {
            search.pointee.visit(UnsafeRawBufferPointer(start: value, count: valueCount))
        }
        return .YES
    }
}
