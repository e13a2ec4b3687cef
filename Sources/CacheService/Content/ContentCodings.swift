internal import CacheCore
internal import Compression
internal import MicroHTTP

/// Content codings (RFC 9110, section 8.4): in what format a content is compressed on its way.
extension RequestReading {
    /// The coding in which a response to the request is to be sent; nil for as it is.
    ///
    /// It is the one of the greatest weight; of two of the same weight, the first of ``CompressionFormat``.
    static func acceptedCoding(of head: RequestHead) -> CompressionFormat? {
        guard head.marks.contains(.acceptEncoding) else { return nil }
        var weights = AcceptedWeights()
        head.forEachHeader("accept-encoding") { weights.read($0) }
        return weights.best
    }

    /// The coding of the request's body; nil for none.
    ///
    /// - Throws: ``Problem`` for one that is not understood, and for several at once.
    static func contentCoding(of head: RequestHead) throws(Problem) -> CompressionFormat? {
        guard head.marks.contains(.contentEncoding) else { return nil }
        var codings: [[UInt8]] = []
        head.forEachHeader("content-encoding") { field in
            for element in elements(of: field) where !element.equalsIgnoringCase("identity") {
                codings.append(Array(element))
            }
        }
        guard let first = codings.first else { return nil }
        guard codings.count == 1, let format = first.withUnsafeBytes({ CompressionFormat(coding: $0) }) else {
            let list = [UInt8](codings.joined(separator: Array(", ".utf8)))
            var problem = Problem(
                .unsupportedMediaType,
                "the body is encoded as \(list.withUnsafeBytes { "\"\(shortened($0))\"" }); it must come as it is, "
                    + "or in one of the codings \(codingList)")
            problem.acceptsCodings = true
            throw problem
        }
        return format
    }

    /// The codings that are understood, in the order in which they are liked.
    static let codingList = CompressionFormat.allCases.map(\.rawValue).joined(separator: ", ")

    /// The elements of a field that is a list, without the blanks around them; empty ones are left out.
    fileprivate static func elements(of field: BorrowedBytes) -> [BorrowedBytes] {
        field.split(separator: UInt8(ascii: ",")).map { trimmed(UnsafeRawBufferPointer(rebasing: $0)) }.filter {
            !$0.isEmpty
        }
    }
}

extension CompressionFormat {
    /// - Parameter coding: A coding's name, whatever the case.
    fileprivate init?(coding: BorrowedBytes) {
        if coding.equalsIgnoringCase("zstd") {
            self = .zstd
        } else if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
            // RFC 9110, section 8.4.1.3: the two are the same.
            self = .gzip
        } else {
            return nil
        }
    }
}

/// How much a client likes each coding, in thousandths; nil where it does not say.
private struct AcceptedWeights {
    private var weights: [CompressionFormat: Int] = [:]
    private var identity: Int?
    private var others: Int?

    mutating func read(_ field: BorrowedBytes) {
        for element in RequestReading.elements(of: field) {
            let parts = element.split(separator: UInt8(ascii: ";")).map {
                RequestReading.trimmed(UnsafeRawBufferPointer(rebasing: $0))
            }
            guard let name = parts.first, let weight = Self.weight(parts.dropFirst()) else { continue }
            if let format = CompressionFormat(coding: name) {
                weights[format] = weight
            } else if name.equals("*") {
                others = weight
            } else if name.equalsIgnoringCase("identity") {
                identity = weight
            }
        }
    }

    var best: CompressionFormat? {
        // A client that does not speak of content as it is takes it, but likes any coding that it names more.
        let least = max(1, identity ?? 0)
        var best: (format: CompressionFormat, weight: Int)?
        for format in CompressionFormat.allCases {
            guard let weight = weights[format] ?? others, weight >= least else { continue }
            if best.map({ weight > $0.weight }) ?? true { best = (format, weight) }
        }
        return best?.format
    }

    /// `q=0.5` as 500 (RFC 9110, section 12.4.2); nil if it is malformed, which is passed over.
    private static func weight(_ parameters: some Sequence<BorrowedBytes>) -> Int? {
        for parameter in parameters where parameter.startsIgnoringCase(with: "q=") {
            let text = String(decoding: parameter.dropping(2), as: UTF8.self)
            let isNumber = text.utf8.allSatisfy {
                $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") || $0 == UInt8(ascii: ".")
            }
            guard isNumber, text.utf8.count <= 5, let weight = Double(text), weight <= 1 else { return nil }
            return Int(weight * 1000)
        }
        return 1000
    }
}
