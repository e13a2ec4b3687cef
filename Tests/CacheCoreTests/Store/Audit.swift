import Testing

@testable import CacheCore

/// Goes over a store that no thread uses and checks that its parts say the same of what it holds.
func audit(_ cache: ProductionCache, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(StoreAudit(of: cache.store).faults == [], sourceLocation: sourceLocation)
}
