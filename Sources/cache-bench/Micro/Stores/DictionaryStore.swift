import Glibc

/// What one writes first: a dictionary behind a read-write lock.
final class DictionaryStore: MicroReader, MicroWriter, @unchecked Sendable {
    // Sendable: `values` is read under the lock's read side and written under its write side; the lock lives at a fixed
    // address from init to deinit.
    private var values: [String: [UInt8]] = [:]
    private let lock: UnsafeMutablePointer<pthread_rwlock_t>

    init(entries: Int) {
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_rwlock_t())
        pthread_rwlock_init(lock, nil)
        values.reserveCapacity(entries)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    @inline(__always)
    func get(_ key: String) -> UInt8? {
        pthread_rwlock_rdlock(lock)
        let value = values[key]
        pthread_rwlock_unlock(lock)
        return value?.first
    }

    @inline(__always)
    func put(_ key: String, _ value: [UInt8]) {
        // The copy that a caller's buffer needs; made before the lock, and what it replaces is freed after it.
        let own = value.withUnsafeBufferPointer { Array($0) }
        putShared(key, own)
    }

    @inline(__always)
    fileprivate func putShared(_ key: String, _ value: [UInt8]) {
        pthread_rwlock_wrlock(lock)
        let old = values.updateValue(value, forKey: key)
        pthread_rwlock_unlock(lock)
        withExtendedLifetime(old) {}
    }

    /// The same dictionary, into which an array goes that the caller gives away: no byte is copied.
    struct Sharing: MicroWriter {
        let store: DictionaryStore

        @inline(__always)
        func put(_ key: String, _ value: [UInt8]) { store.putShared(key, value) }
    }
}
