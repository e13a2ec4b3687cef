import CacheCore
import Foundation

/// What the trials do with their caches alike.
enum TrialCache {
    /// A limit that no trial comes near. There is one, because the server always has one.
    static var ample: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory / 2) }

    /// Bytes of all keys and values that a cache holds.
    static func usefulBytes(of cache: ProductionCache) throws -> Int {
        var bytes = 0
        var cursor: ListingCursor?
        repeat {
            let page = try cache.keys(limit: 1000, after: cursor)
            for info in page.keys { bytes += info.key.utf8.count + info.size }
            cursor = page.cursor
        } while cursor != nil
        return bytes
    }
}
