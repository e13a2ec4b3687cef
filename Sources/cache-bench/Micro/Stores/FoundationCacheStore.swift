import Foundation

/// Foundation's cache. Its keys are objects: a Swift string has to become one at each call.
final class FoundationCacheStore: MicroReader, MicroWriter, @unchecked Sendable {
    // Sendable: NSCache has a lock of its own.
    private let cache = NSCache<NSString, Value>()

    private final class Value {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Foundation for Linux links the entries in both directions, and they keep one another alive.
    deinit { cache.removeAllObjects() }

    @inline(__always)
    func get(_ key: String) -> UInt8? {
        cache.object(forKey: NSString(string: key))?.bytes.first
    }

    @inline(__always)
    func put(_ key: String, _ value: [UInt8]) {
        cache.setObject(Value(value.withUnsafeBufferPointer { Array($0) }), forKey: NSString(string: key))
    }
}
