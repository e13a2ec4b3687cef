import CacheCore
import Foundation
import Testing

@testable import CacheSources

/// A cache that a source was loaded into, and what became of it.
struct Loaded {
    let cache: ProductionCache
    let report: WarmReport

    /// The value of a key as text; nil without one.
    func value(_ key: String) -> String? {
        cache.getJSON(key).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Loads a source, as the server does.
///
/// - Parameter backoff: How it waits; by default not at all.
func load(
    _ text: String, password: String? = nil, ttl: Duration? = nil, keyPrefix: String = "",
    limits: EntryLimits = .ofStore, backoff: Backoff = .none
) throws -> Loaded {
    let cache = try ProductionCache(CacheConfiguration())
    let source = try WarmSource(text, password: password, ttl: ttl, keyPrefix: keyPrefix)
    let report = try source.load(
        into: cache, limits: limits, backoff: backoff, isCancelled: { false }, progress: { _ in })
    return Loaded(cache: cache, report: report)
}

/// Loads a source that is stopped at a question whether it is.
///
/// - Parameter question: The first that is answered yes, from 1.
/// - Returns: What it failed with, which is expected.
func errorOfStop(_ text: String, atQuestion question: Int) throws -> CacheError? {
    let source = try WarmSource(text)
    let cache = try ProductionCache(CacheConfiguration())
    var questions = 0
    return #expect(throws: CacheError.self) {
        try source.load(
            into: cache, limits: .ofStore, backoff: .none,
            isCancelled: {
                questions += 1
                return questions >= question
            }, progress: { _ in })
    }
}

/// Why a source cannot be loaded; nil if it can.
func reason(_ text: String) throws -> String? {
    do {
        _ = try load(text)
        return nil
    } catch let error as CacheError {
        return error.message
    }
}

extension Backoff {
    /// Tries as often as usual, without waiting.
    static var none: Backoff {
        var backoff = Backoff()
        backoff.first = .zero
        return backoff
    }
}

/// Calls `body` with the path of a file in a folder of its own, which is gone afterwards.
func withFile<Result>(_ name: String, _ contents: [UInt8]? = nil, _ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cache-sources-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer {
        do {
            try FileManager.default.removeItem(at: folder)
        } catch {
            // The system clears the directory of temporary files; the test is about something else.
        }
    }
    let file = folder.appending(path: name)
    if let contents { try Data(contents).write(to: file) }
    return try body(file.path)
}

func withFile<Result>(_ name: String, _ contents: String, _ body: (String) throws -> Result) throws -> Result {
    try withFile(name, Array(contents.utf8), body)
}

func writeFile(_ path: String, _ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

func removeFile(_ path: String) {
    do {
        try FileManager.default.removeItem(atPath: path)
    } catch {
        // The system clears the directory of temporary files.
    }
}
