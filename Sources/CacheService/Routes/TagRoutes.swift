internal import CacheCore
internal import MicroHTTP

/// `/tags/{tag}`: all entries that have a tag.
extension CacheService {
    func clearTag(_ text: BorrowedBytes) throws(Problem) -> Response {
        let tag = try RequestReading.decode(text, as: .invalidTag, "the tag")
        do throws(CacheError) {
            try TagList.validate(tag.count)
        } catch {
            throw Problem(error)
        }
        guard tag.withUnsafeBytes({ RequestReading.isUTF8($0) }) else {
            throw Problem(.invalidTag, "the tag is not valid UTF-8 after percent-decoding")
        }
        return .json(["deleted": cache.deleteAll(tag: tag, prefix: limits.keyPrefix)])
    }
}
