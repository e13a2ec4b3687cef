import CacheService

/// The file that the service's tokens are in.
struct TokenFile: Sendable {
    let path: String

    /// The tokens that the file has now.
    ///
    /// - Throws: ``Unusable`` if it cannot be read, or has a line that is none.
    func read() throws(Unusable) -> AccessTokens {
        do {
            let tokens = try AccessTokens(try File.contents(of: path))
            // Nobody could ask for anything: what was meant is hardly that.
            guard tokens.count > 0 else { throw Unusable("the file of tokens \(path) has no token") }
            return tokens
        } catch let error as AccessTokens.SyntaxError {
            throw Unusable("the file of tokens \(path), \(error)")
        } catch let error as SystemError {
            throw Unusable("cannot read the file of tokens \(path): \(error)")
        } catch {
            throw Unusable("\(error)")
        }
    }

    struct Unusable: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
