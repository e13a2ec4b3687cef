internal import CCurl

/// A URL that was taken apart by the library that will ask for it, so that both agree on its host.
///
/// Unsafe: the handle of curl's parser is made, used and freed in ``init(_:)``.
struct TargetURL {
    let text: String
    let isSecure: Bool
    /// Scheme, host and port, such as `https://example.com:443`: what connections and secrets belong to.
    let origin: String

    /// - Throws: ``HTTPClientError``
    init(_ text: String) throws(HTTPClientError) {
        guard let parser = curl_url() else { throw HTTPClientError(.resources, "there is no memory for a URL") }
        defer { curl_url_cleanup(parser) }
        // A NUL would end what C reads.
        let status = text.utf8.contains(0) ? CURLUE_MALFORMED_INPUT : curl_url_set(parser, CURLUPART_URL, text, 0)
        guard status == CURLUE_OK else {
            throw HTTPClientError(.invalidURL, "the URL is malformed: \(String(cString: curl_url_strerror(status)))")
        }
        func part(_ part: CURLUPart, _ flags: CUnsignedInt = 0) -> String? {
            var found: UnsafeMutablePointer<CChar>?
            guard curl_url_get(parser, part, &found, flags) == CURLUE_OK, let found else { return nil }
            defer { curl_free(found) }
            return String(cString: found)
        }
        guard let scheme = part(CURLUPART_SCHEME), scheme == "http" || scheme == "https" else {
            throw HTTPClientError(.invalidURL, "the URL's scheme must be http or https")
        }
        guard let host = part(CURLUPART_HOST), let port = part(CURLUPART_PORT, CUnsignedInt(CURLU_DEFAULT_PORT)) else {
            throw HTTPClientError(.invalidURL, "the URL has no host")
        }
        self.text = text
        isSecure = scheme == "https"
        origin = "\(scheme)://\(host.lowercased()):\(port)"
    }
}
