internal import MicroHTTP
internal import TestSupport

/// Memory that is lent to a server. It is freed when it comes back, so that a sanitizer sees who uses it longer, or who
/// gives it back twice.
final class Loan {
    /// What all of the memory holds.
    static let content = UInt8(ascii: "L")

    private let memory: UnsafeMutableRawBufferPointer
    private let returned: Tally

    private init(_ count: Int, returned: Tally) {
        memory = .allocate(byteCount: count, alignment: 1)
        memory.initializeMemory(as: UInt8.self, repeating: Self.content)
        self.returned = returned
    }

    deinit { memory.deallocate() }

    /// - Parameters:
    ///   - count: How many bytes.
    ///   - returned: Counts what comes back.
    static func make(_ count: Int, returned: Tally) -> LentBytes {
        let loan = Loan(count, returned: returned)
        let bytes = UnsafeRawBufferPointer(loan.memory)
        return LentBytes(bytes, token: Unmanaged.passRetained(loan).toOpaque()) { token in
            let loan = Unmanaged<Loan>.fromOpaque(token!).takeRetainedValue()
            loan.returned.add()
        }
    }
}
