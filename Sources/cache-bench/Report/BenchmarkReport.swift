import Foundation

/// What a run of a benchmark found: for a terminal, for the README, and for programs.
protocol BenchmarkReport: Encodable {
    /// The command's name, with which the name of the result file begins.
    static var name: String { get }

    var date: Date { get }
    /// The whole report for a terminal.
    var text: String { get }
    /// The figures as a README has them.
    var markdown: String { get }
    /// Why figures of this run mean nothing.
    var problems: [String] { get }
    /// A word of warning when the machine did much besides the run; nil if it was quiet.
    var unrest: String? { get }
}

extension BenchmarkReport {
    /// The report as it is written to the result file.
    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        return try encoder.encode(self)
    }

    /// Writes the report into a directory, which is made if it is not there, and returns the file.
    func write(to directory: URL) throws -> URL {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let time = date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false))
            .filter { $0.isNumber || $0 == "T" }
        let file = directory.appendingPathComponent("\(Self.name)-\(time).json")
        try json().write(to: file)
        return file
    }
}
