internal import Glibc

/// The text of a second as lines of the access log have it, up to the milliseconds if they have any.
struct LogTimeText {
    private var text: [CChar] = Array(repeating: 0, count: 40)
    private var count = 0

    /// - Parameter second: Since 1970 began.
    mutating func write(_ second: Int64, _ format: AccessLog.Format) {
        var time = time_t(second)
        var parts = tm()
        gmtime_r(&time, &parts)
        let pattern =
            switch format {
            case .json: #"{"time":"%Y-%m-%dT%H:%M:%S."#
            // Names of months are English: no locale is set in this process.
            case .combined: #"[%d/%b/%Y:%H:%M:%S +0000] ""#
            }
        count = strftime(&text, text.count, pattern, &parts)
    }

    func put(to line: inout LineCursor) {
        text.withUnsafeBytes { line.put(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
