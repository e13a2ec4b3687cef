/// Numbers as the tables show them: enough digits to compare by, and no more.
enum Figure {
    /// A whole number, its thousands apart: `93,120`.
    static func whole(_ value: Double) -> String {
        let digits = String(Int(value.rounded()))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3), text.last != "-" { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// A small number with three digits that count: `0.96`, `12.3`, `214`.
    static func decimal(_ value: Double) -> String {
        fixed(value, places: abs(value) < 9.995 ? 2 : abs(value) < 99.95 ? 1 : 0)
    }

    /// A share as a percentage: `4 %`.
    static func percent(_ share: Double) -> String {
        fixed(share * 100, places: 0) + " %"
    }

    static func milliseconds(_ value: Double) -> String { decimal(value) + " ms" }

    static func nanoseconds(_ value: Double) -> String { decimal(value) + " ns" }

    static func microseconds(_ value: Double) -> String { decimal(value) + " µs" }

    /// A few bytes, without a fraction: `112 B`.
    static func bytes(_ value: Double) -> String { whole(value) + " B" }

    /// Bytes as whole mebibytes: `512 MiB`.
    static func mebibytes(_ bytes: Int) -> String { whole(Double(bytes) / 1_048_576) + " MiB" }

    static func ratio(_ value: Double) -> String { decimal(value) + " ×" }

    private static func fixed(_ value: Double, places: Int) -> String {
        let scale = [1, 10, 100][places]
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
    }
}
