internal import CCurl
internal import Glibc

/// One thread's libcurl handle: requests one after another over a connection that is kept alive.
///
/// All but `cancel` belongs to the one thread that performs.
final class CurlSession: @unchecked Sendable {
    private let handle: OpaquePointer

    /// - Throws: `unavailable` with the loader's reason when libcurl can't be loaded.
    init() throws(TransportError) {
        var reason = [CChar](repeating: 0, count: 256)
        guard let handle = ossync_curl_open(&reason, reason.count) else {
            let text = String(
                decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw TransportError(kind: .unavailable, sent: false, reason: text)
        }
        self.handle = handle
    }

    deinit { ossync_curl_close(handle) }

    /// Ends the request in flight and every later one, from any thread.
    func cancel() { ossync_curl_cancel(handle) }

    /// Sends the request at most once and waits for the end of its response.
    func perform(
        _ request: HTTPRequest, limits: RESTConfiguration.Limits, certificateFile: String?
    ) throws(TransportError) -> HTTPResponse {
        let lines = request.headers.map { strdup("\($0.name): \($0.value)") }
        let authorities = certificateFile.map { strdup($0) } ?? nil
        defer {
            for line in lines { free(line) }
            free(authorities)
        }
        let pointers = lines.map { UnsafePointer<CChar>($0) }
        let response = request.method.withCString { method in
            request.url.withCString { url in
                pointers.withUnsafeBufferPointer { headers in
                    request.content.withUnsafeBufferPointer { content in
                        var wire = ossync_curl_request()
                        wire.method = method
                        wire.url = url
                        wire.headers = headers.baseAddress
                        wire.header_count = headers.count
                        wire.content = content.isEmpty ? nil : content.baseAddress
                        wire.content_length = content.count
                        wire.ca_file = UnsafePointer(authorities)
                        wire.connect_ms = limits.connectMs
                        wire.idle_ms = limits.idleMs
                        wire.total_ms = limits.totalMs
                        wire.max_body_bytes = limits.maxBodyBytes
                        wire.max_header_bytes = limits.maxHeaderBytes
                        wire.max_ratio = limits.maxRatio
                        return ossync_curl_perform(handle, &wire)
                    }
                }
            }
        }
        if let kind = Self.kind(response.outcome) {
            throw TransportError(
                kind: kind, sent: response.sent != 0, status: response.status,
                latencyUs: response.latency_us)
        }
        return HTTPResponse(
            status: response.status,
            headers: HTTPResponse.fields(
                of: UnsafeRawBufferPointer(
                    start: response.headers, count: response.header_length)),
            body: Array(
                UnsafeBufferPointer(start: response.body, count: response.body_length)),
            latencyUs: response.latency_us, receivedAt: Int64(time(nil)))
    }

    private static func kind(_ outcome: ossync_curl_outcome) -> TransportError.Kind? {
        switch outcome {
        case OSSYNC_CURL_ANSWERED: nil
        case OSSYNC_CURL_RESOLVE: .resolve
        case OSSYNC_CURL_CONNECT: .connect
        case OSSYNC_CURL_TLS: .tls
        case OSSYNC_CURL_CONNECT_TIMEOUT: .connectTimeout
        case OSSYNC_CURL_IDLE_TIMEOUT: .idleTimeout
        case OSSYNC_CURL_TOTAL_TIMEOUT: .totalTimeout
        case OSSYNC_CURL_RESEND: .resend
        case OSSYNC_CURL_PARTIAL: .partial
        case OSSYNC_CURL_BODY_TOO_LARGE: .bodyTooLarge
        case OSSYNC_CURL_RATIO_TOO_LARGE: .ratioTooLarge
        case OSSYNC_CURL_HEADERS_TOO_LARGE: .headersTooLarge
        case OSSYNC_CURL_ENCODING: .encoding
        case OSSYNC_CURL_CANCELLED: .cancelled
        case OSSYNC_CURL_REFUSED: .refused
        default: .broken
        }
    }
}
