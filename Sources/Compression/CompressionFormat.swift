/// The formats that bytes are compressed in. The raw values are the names of HTTP's content codings (RFC 9110, section 8.4.1;
/// RFC 8878, section 7.2).
package enum CompressionFormat: String, CaseIterable, Sendable {
    /// Zstandard, RFC 8878: better and several times faster than gzip.
    case zstd
    /// RFC 1952, which everybody reads.
    case gzip
}
