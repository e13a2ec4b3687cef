/// JSON strings with as many bytes as are asked for, quotes included, so that a cache of JSON and a store of plain bytes
/// hold exactly the same.
struct ValueText: Sendable {
    /// What the strings are cut from, each at a place of its own.
    private let letters: [UInt8]

    private static let places = 4096

    /// - Parameter most: The most bytes that will be asked for.
    init(upTo most: Int) {
        var generator = SplitMix64(state: 1)
        letters = (0..<most + Self.places).map { _ in UInt8(ascii: "a") + UInt8(generator.next() % 26) }
    }

    /// Appends the value of an entry: always the same for the same number and size.
    func append(_ size: Int, of number: Int, to bytes: inout [UInt8]) {
        let start = number % Self.places
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: letters[start..<start + size - 2])
        bytes.append(UInt8(ascii: "\""))
    }

    func bytes(_ size: Int, of number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        append(size, of: number, to: &bytes)
        return bytes
    }
}
