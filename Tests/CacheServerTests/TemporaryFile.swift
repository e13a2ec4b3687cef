import FoundationEssentials

/// Calls `body` with the path of a file that holds `contents` and is gone afterwards.
func withTemporaryFile<Result>(_ contents: String, _ body: (String) throws -> Result) throws -> Result {
    let file = FileManager.default.temporaryDirectory.appending(path: "cache-server-\(UUID().uuidString).json")
    try Data(contents.utf8).write(to: file)
    defer {
        do {
            try FileManager.default.removeItem(at: file)
        } catch {
            // The system clears the directory of temporary files; the test is about something else.
        }
    }
    return try body(file.path)
}
