/// One HTTP request to an address that is not the API's, sent at once by the thread that asks.
///
/// As with the API: TLS is verified, no redirect is followed, and nothing is sent twice.
package final class HTTPCall: Sendable {
    private let session: CurlSession

    /// - Throws: `unavailable` where libcurl can't be loaded.
    package init() throws(TransportError) { session = try CurlSession() }

    /// Sends a request and waits for the status of the answer, at most so long.
    ///
    /// What follows the head is of no interest: it is not read to its end, and how that ends
    /// doesn't matter.
    package func status(
        of request: HTTPRequest, timeoutMs: Int
    ) throws(TransportError) -> Int {
        let limits = RESTConfiguration.Limits(
            connectMs: timeoutMs, idleMs: timeoutMs, totalMs: timeoutMs, maxBodyBytes: 0)
        do throws(TransportError) {
            return try session.perform(request, limits: limits, certificateFile: nil).status
        } catch {
            guard error.sent, error.status >= 200 else { throw error }
            return error.status
        }
    }

    /// Why nothing can be sent to an address; nil where it can.
    ///
    /// The address itself is not named: it may be a secret.
    ///
    /// - Parameter allowPlainHTTP: whether `http://` may lead to another host than this one.
    package static func refusal(of url: String, allowPlainHTTP: Bool) -> String? {
        guard let parts = URLParts(url), !parts.host.isEmpty else {
            return "is no URL of the form https://host/path, in ASCII and percent-encoded"
        }
        if parts.hasUserInfo { return "has a user or password in the URL; use a header" }
        if parts.scheme == "http", !parts.isLoopback, !allowPlainHTTP {
            return "is http:// to another host, where everybody can read it; use https://, or set "
                + "allowPlainHTTP: true if the network is trusted"
        }
        return nil
    }
}
