#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How a snapshot is written: the lines of an export, compressed by zstd, so that `zstd -dc` reads it and what comes out can be
/// posted to `/warm`.
///
/// Each frame has whole lines, about ``frameBytes`` of them, and a checksum, so that frames can be read side by side, and those that are
/// whole when others are damaged. Behind the last is a frame that decompressors pass over, with ``endMark``: a file without it has
/// lost its end. Before the first is another, with the time of day when it was written: see ``beginMark(nanosecondsSince1970:)``.
///
/// The least recently used entries come first, as far as that is known: with the policy `lru` by their last use, otherwise by when they
/// were stored. So that this takes bounded memory, more than ``mostOrdered`` entries come in no order.
enum SnapshotFormat {
    static let frameBytes = 1 << 20
    /// How many entries are put into lines in one go, which takes a fraction of a millisecond; or how many bytes of lines they make, about.
    static let entriesAtOnce = 512
    static let bytesAtOnce = 64 << 10
    static let endMark = Array("production-cache snapshot 1 end\n".utf8)
    /// Says when the file was written, with a digest, as nothing else tells damage to it.
    ///
    /// Who restores it takes the time of day to be no earlier: with a clock that has been set back since, entries would live longer than they
    /// had left. A clock that is ahead by mistake expires them, as no file can tell.
    static func beginMark(nanosecondsSince1970 time: Int64) -> [UInt8] {
        let text = "\(beginning)\(time) "
        return Array("\(text)\(digest(text))\n".utf8)
    }

    /// The time that the mark tells; nil if the bytes are none that is whole.
    static func time(ofBeginMark bytes: some Collection<UInt8>) -> Int64? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix(beginning), let space = text.lastIndex(of: " ") else { return nil }
        let told = String(text[...space])
        guard text == "\(told)\(digest(told))\n" else { return nil }
        return Int64(told.dropFirst(beginning.count).dropLast())
    }

    private static let beginning = "production-cache snapshot 1 written "

    private static func digest(_ text: String) -> String {
        withBytes(of: Array(text.utf8)) { String(contentDigest($0), radix: 16) }
    }

    static let mostOrdered = 2 << 20

    /// While it is written, a snapshot has this behind its name.
    static let partialSuffix = ".partial"
    /// What a snapshot is renamed to that is not whole.
    private static let damagedSuffix = ".damaged"

    /// Keeps a file from being written over by the next snapshot.
    ///
    /// - Returns: Its new name; nil if it could not be renamed.
    static func keepAside(_ path: String) -> String? {
        // A folder of somebody's is none that was damaged.
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let aside = path + damagedSuffix
        return rename(path, aside) == 0 ? aside : nil
    }
}
