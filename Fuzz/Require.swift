/// Ends the run with a message, and libFuzzer keeps the input; a precondition has no message in an optimized build.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}
