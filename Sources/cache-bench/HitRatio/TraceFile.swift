import Foundation

/// The keys of a trace, line by line, in constant memory.
struct TraceFile: Sequence, IteratorProtocol {
    private let handle: FileHandle
    private var text = Data()
    private var isAtEnd = false

    private static let pieceBytes = 1 << 20

    /// - Parameter path: Where the trace is; `-` for standard input.
    init(path: String) throws {
        if path == "-" {
            handle = .standardInput
        } else {
            guard let handle = FileHandle(forReadingAtPath: path) else {
                throw BenchmarkError("cannot read the trace \(path): \(String(cString: strerror(errno)))")
            }
            self.handle = handle
        }
    }

    /// The name of a trace: its file's, without folder and `.txt`.
    static func name(ofPath path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.hasSuffix(".txt") ? String(name.dropLast(4)) : name
    }

    mutating func next() -> String? {
        while true {
            if let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                let line = text[text.startIndex..<end]
                text = text[(end + 1)...]
                if let key = Self.key(line) { return key }
            } else if isAtEnd {
                defer { text = Data() }
                return Self.key(text)
            } else {
                let piece = handle.readData(ofLength: Self.pieceBytes)
                isAtEnd = piece.isEmpty
                text = Data(text) + piece
            }
        }
    }

    private static func key(_ line: Data) -> String? {
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }
}
