internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// The service and openapi.yaml say the same.
struct ContractTests {
    private let lines: [Substring]

    init() throws {
        let reply = try TestService().get("/openapi.yaml")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/yaml")
        lines = reply.text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The lines of a member, named by the path to it, without its own.
    private func section(_ path: String...) -> ArraySlice<Substring> {
        var section = lines[...]
        for (depth, name) in path.enumerated() {
            let indent = String(repeating: "  ", count: depth)
            guard let start = section.firstIndex(of: "\(indent)\(name):") else { return [] }
            section = section[(start + 1)...].prefix { $0.isEmpty || $0.hasPrefix(indent + " ") }
        }
        return section
    }

    /// The names that stand so deep in some lines.
    private func names(_ lines: ArraySlice<Substring>, depth: Int) -> [(line: Int, name: String)] {
        let indent = String(repeating: " ", count: depth)
        return lines.indices.compactMap { index in
            let line = lines[index]
            guard line.hasPrefix(indent), !line.dropFirst(depth).hasPrefix(" "), line.hasSuffix(":") else { return nil }
            return (index, String(line.dropFirst(depth).dropLast()))
        }
    }

    @Test func theRoutesAreThoseOfTheContract() {
        let paths = section("paths")
        var written: Set<String> = []
        let starts = names(paths, depth: 2)
        for (place, start) in starts.enumerated() {
            let end = place + 1 < starts.count ? starts[place + 1].line : paths.endIndex
            for method in names(paths[start.line..<end], depth: 4) where method.name != "parameters" {
                // OpenAPI 3.1 has no QUERY; an extension stands for it.
                let name = method.name == "x-query" ? "query" : method.name
                written.insert("\(name.uppercased()) \(start.name)")
            }
        }
        let served = Route.allCases.flatMap { route in
            route == .unmatched ? [] : route.allowed.map { "\($0.name) \(route.pattern)" }
        }
        #expect(written.count > 40)
        #expect(written.symmetricDifference(served).sorted() == [])
    }

    @Test func theErrorCodesAreThoseOfTheContract() {
        let codes = section("components", "schemas", "ErrorCode").compactMap { line in
            line.hasPrefix("        - ") ? String(line.dropFirst(10)) : nil
        }
        #expect(codes == ProblemCode.allCases.map(\.rawValue))
    }

    @Test func theTableOfStatusesIsTheOneOfTheContract() {
        // | 400 | `invalid_key`, `invalid_json`, … |
        var table: [String: Int] = [:]
        for line in lines where line.hasPrefix("    | ") {
            let cells = line.split(separator: "|").map { $0.trimmingPrefix { $0 == " " } }
            guard cells.count >= 2, let status = Int(cells[1].prefix(3)) else { continue }
            for (index, code) in cells[2].split(separator: "`", omittingEmptySubsequences: false).enumerated()
            where !index.isMultiple(of: 2) && ProblemCode(rawValue: String(code)) != nil {
                table[String(code)] = status
            }
        }
        #expect(table == Dictionary(uniqueKeysWithValues: ProblemCode.allCases.map { ($0.rawValue, $0.status) }))
    }

    @Test func theDefaultsAreThoseOfTheContract() {
        let text = lines.joined(separator: "\n")
        let limits = ServiceLimits()
        #expect(text.contains("| `max_key_bytes` | \(limits.maxKeyBytes) bytes |"))
        #expect(text.contains("| `max_value_bytes` | \(limits.maxValueBytes >> 20) MiB |"))
        #expect(text.contains("| `max_body_bytes` | \(limits.maxBodyBytes >> 20) MiB |"))
        #expect(text.contains("| `max_bulk_items` | \(limits.maxBulkItems) |"))
        #expect(
            text.contains("| `max_header_bytes` | \(HTTPServerConfiguration().maxHeadBytes) bytes |"))
        #expect(text.contains("`max_header_bytes` and \(HTTPServer.maximumHeadFields) fields"))
    }

    @Test func aCursorHasTheFormOfTheContract() throws {
        let test = try TestService()
        for number in 0..<3 { test.put("/keys/\(number)") }
        let cursor = try #require(try test.get("/keys?limit=1").object["cursor"] as? String)
        let pattern = try #require(section("components", "schemas", "Cursor").first { $0.contains("pattern: ") })
        let expression = try Regex(String(pattern.split(separator: "pattern: ").last!))
        #expect(try expression.wholeMatch(in: cursor) != nil, "\(cursor) is not \(pattern)")
    }
}
