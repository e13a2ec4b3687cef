internal import Compression
internal import MicroHTTP

/// Request bodies that come in a content coding.
extension Request {
    /// Calls `body` with the request as it would be without the coding.
    ///
    /// - Parameters:
    ///   - format: The coding of its body.
    ///   - limit: The most bytes that the body may grow to; as soon as it has more, nothing more is decompressed.
    ///   - tooLarge: What is wrong then.
    /// - Throws: ``Problem`` if the body is not in that coding, or too large; or what `body` throws.
    func withDecodedBody(
        _ format: CompressionFormat, limit: Int, tooLarge: @autoclosure () -> Problem,
        _ body: (Request) throws(Problem) -> Reply
    ) throws(Problem) -> Reply {
        guard var decompressor = Decompressor(format) else { throw Problem.noDecompressor }
        var decoded: [UInt8] = []
        let isWhole: Bool
        do throws(CompressedDataError) {
            isWhole = try decompressor.append(self.body) { piece in
                guard decoded.count + piece.count <= limit else { return false }
                decoded += piece
                return true
            }
            if isWhole { try decompressor.finish() }
        } catch {
            throw Problem(error)
        }
        guard isWhole else { throw tooLarge() }
        let count = decoded.count
        decoded.append(contentsOf: repeatElement(0, count: Request.padding))
        var outcome: Swift.Result<Reply, Problem>?
        decoded.withUnsafeBytes { bytes in
            do throws(Problem) {
                let request = Request(head: head, body: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                outcome = .success(try body(request))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.take()!.get()
    }
}

extension Problem {
    /// A body is not in the coding that it is said to be in.
    init(_ error: CompressedDataError) {
        self.init(.invalidBody, "the body is not what its Content-Encoding says: \(error)")
    }

    static let noDecompressor = Problem(.overloaded, "there is no memory to decompress the body; try again")
}
