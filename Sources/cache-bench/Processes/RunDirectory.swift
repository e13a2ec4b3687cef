/// Performs a run that starts programs, with a directory for their files; ends them all and removes it afterwards, also
/// when a signal ends the run.
///
/// Call it before anything else, before a library starts a thread.
func withRunDirectory<Report>(_ run: (TemporaryDirectory) throws -> Report) throws -> Report {
    let directory = try TemporaryDirectory()
    Interruption.handle {
        RunningChildren.endAll()
        directory.remove()
    }
    defer {
        RunningChildren.endAll()
        directory.remove()
    }
    do {
        return try run(directory)
    } catch {
        Interruption.absorb()
        throw error
    }
}
