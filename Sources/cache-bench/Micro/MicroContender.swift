/// What is timed: the cache, and what one could call in its place.
enum MicroContender: String, CaseIterable, Codable, Sendable {
    case cache
    /// Gives its reader bytes to keep, where `cache` lets it look at its own.
    case cacheCopying = "cache-copying"
    case cacheSingle = "cache-single"
    case cacheSingleCopying = "cache-single-copying"
    /// A cache for each thread: what the machine allows to threads that share nothing but its memory.
    case privateCaches = "private-caches"
    case dictionary
    /// Is given arrays to keep, where `dictionary` copies bytes that are the caller's.
    case dictionarySharing = "dictionary-sharing"
    case foundationCache = "nscache"
    case decoder
}
