/// Calls `body` with a string's UTF-8, without a copy where the string has it in one piece.
func withUTF8<Result: ~Copyable, Failure: Error>(
    of string: String, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    var string = string
    var outcome: Swift.Result<Result, Failure>?
    string.withUTF8 { bytes in
        do throws(Failure) {
            outcome = .success(try body(UnsafeRawBufferPointer(bytes)))
        } catch {
            outcome = .failure(error)
        }
    }
    return try outcome.take()!.get()
}

/// Calls `body` with an array's bytes.
func withBytes<Result: ~Copyable, Failure: Error>(
    of array: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    var outcome: Swift.Result<Result, Failure>?
    array.withUnsafeBytes { bytes in
        do throws(Failure) {
            outcome = .success(try body(bytes))
        } catch {
            outcome = .failure(error)
        }
    }
    return try outcome.take()!.get()
}
