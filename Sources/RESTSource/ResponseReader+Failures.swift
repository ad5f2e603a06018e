internal import Records
internal import SyncCore

extension ResponseReader {
    /// The failure that a status other than 2xx and 429 means.
    func failure(_ request: SourceRequest, _ response: HTTPResponse) -> FailureAnswer {
        let status = response.status
        let said = excerpt(response)
        let wait = WaitHeaders(response: response).retryAfterMs
        func answer(_ failure: FailureClass, _ what: String, _ hint: String) -> FailureAnswer {
            FailureAnswer(
                failure, code: "http-\(status)", text: sentence(request, what, hint), waitMs: wait)
        }
        switch status {
        case 300...399:
            let target = response.values("location").first.map { " to " + Self.bare($0) } ?? ""
            return answer(
                .redirect, "was redirected (\(status))\(target)",
                "redirects are not followed: put the right address into the configuration")
        case 401, 403:
            return answer(
                .auth, "was refused (\(status))\(said)",
                "check the credentials and what they are allowed to read")
        case 404, 410:
            return answer(.notFound, "found nothing (\(status))\(said)", notFoundHint(request))
        case 408:
            return answer(.timeout, "was not received in time by the server (408)", "ask again")
        case 502, 503, 504:
            // One record that the API breaks on, or takes too long for, looks like 502 or 504 too.
            return answer(
                request.endpoint == .detail && status != 503 ? .server : .unavailable,
                "found the API unavailable (\(status))\(said)", "ask again later")
        case 500...599:
            return answer(.server, "made the server fail (\(status))\(said)", "ask again later")
        case 400...499:
            return answer(
                .client, "was not accepted (\(status))\(said)",
                "compare path and parameters with the API's documentation")
        default:
            return answer(.client, "got the unknown status \(status)", "is this an HTTP API?")
        }
    }

    private func notFoundHint(_ request: SourceRequest) -> String {
        guard case .list(.some, _) = request.kind, configuration.list.total == nil else {
            return "check the path"
        }
        return "if the API answers so past its last page, configure list.total"
    }

    /// The failure of a 2xx whose body can't be used.
    func unusable(
        _ request: SourceRequest, _ error: RecordsError, _ response: HTTPResponse
    ) -> FailureAnswer {
        var (what, hint) = (error.description, "look at the answer itself, for example with curl")
        if error.code == .notJSON, response.body.isEmpty {
            what = "the body is empty"
        } else if error.code == .notJSON,
            response.body.first(where: { $0 > 0x20 }) == UInt8(ascii: "<")
        {
            what = "the body is HTML or XML instead of JSON"
            hint = "a proxy or a login page may have answered: check address and credentials"
        } else if let proposal = proposal(request, error, response.body) {
            what =
                RecordsError(
                    error.code, error.text, offset: error.offset, recordIndex: error.recordIndex
                ).description
            hint = proposal
        }
        return FailureAnswer(
            .unusable, code: error.code.rawValue,
            text: sentence(
                request, "got an answer (\(response.status)) that can't be used: \(what)", hint))
    }

    /// Which pointers the answer would fit; nil where none is in sight.
    private func proposal(
        _ request: SourceRequest, _ error: RecordsError, _ body: [UInt8]
    ) -> String? {
        let isDetail = request.endpoint == .detail
        let part = isDetail ? "detail" : "list"
        let records = (isDetail ? configuration.detail?.records : nil) ?? configuration.list.records
        switch error.code {
        case .noRecords, .notArray:
            let found = AnswerShape.arrays(in: body)
            guard let first = found.first else { return nil }
            return found == [""]
                ? "the whole answer is an array: set \(part).records to \"\""
                : found.count == 1
                    ? "there is an array at \(first): set \(part).records to it"
                    : "there are arrays at \(found.joined(separator: ", ")): set \(part).records "
                        + "to that of the records"
        case .noID:
            let found = AnswerShape.identities(in: body, records: records)
            guard !found.isEmpty else { return nil }
            return "it has \(found.joined(separator: ", ")): set \(part).id to what names it"
        default: return nil
        }
    }

    func failure(_ request: SourceRequest, _ error: TransportError) -> FailureAnswer {
        let limits = configuration.limits
        let (failure, what, hint): (FailureClass, String, String) =
            switch error.kind {
            case .resolve:
                (.network, "found no address for the host", "check the name, DNS and the network")
            case .connect:
                (.network, "could not connect", "check that the API is reachable from here")
            case .tls:
                (
                    .network, "failed in TLS: the certificate or the handshake was refused",
                    "check the certificate's name, date and authority, and the clock here"
                )
            case .connectTimeout:
                (.network, "had no connection after \(limits.connectMs) ms", "check the network")
            case .idleTimeout:
                (.timeout, "got nothing for \(limits.idleMs) ms", "raise idleMs if the API is slow")
            case .totalTimeout:
                (
                    error.sent ? .timeout : .network, "took longer than \(limits.totalMs) ms",
                    "raise totalMs or ask for less at once"
                )
            case .resend:
                (
                    .network, "lost its connection before the answer; it was not sent twice",
                    "ask again"
                )
            case .broken: (.network, "lost its connection", "ask again")
            case .partial: (.network, "got an answer that was cut off", "ask again")
            case .bodyTooLarge:
                (
                    .tooLarge, "got a body over \(limits.maxBodyBytes) bytes",
                    "ask for smaller pages, or raise maxBodyBytes"
                )
            case .ratioTooLarge:
                (
                    .tooLarge, "got a body that unpacks to over \(limits.maxRatio) times its size",
                    "this looks like a decompression bomb: check the address"
                )
            case .headersTooLarge:
                (.tooLarge, "got headers over \(limits.maxHeaderBytes) bytes", "check the address")
            case .encoding:
                (
                    .unusable, "got a content encoding that is unknown or damaged",
                    "check for a proxy"
                )
            case .cancelled:
                (.network, "was cancelled by the shutdown", "it goes on with the next run")
            case .refused: (.client, "was refused by libcurl", "check the base URL and the paths")
            case .unavailable:
                (
                    .network, "could not be sent: \(error.reason)",
                    "install libcurl (Debian and Ubuntu: apt install libcurl4)"
                )
            }
        let isOpen = failure == .network || failure == .timeout
        return FailureAnswer(
            failure, code: error.kind.rawValue, text: sentence(request, what, hint),
            arrivalUnknown: isOpen && error.sent)
    }

    /// `The list request to https://host/path found ...; check ...`, clean and short.
    func sentence(_ request: SourceRequest, _ what: String, _ hint: String) -> String {
        let path: String
        switch request.endpoint {
        case .list: path = configuration.list.path
        case .detail: path = configuration.detail?.path ?? ""
        case .health: path = configuration.healthPath ?? configuration.list.path
        }
        let place = Self.bare(configuration.identity + path)
        let text = "The \(request.endpoint.name) request to \(place) \(what); \(hint)"
        return shown(text, limit: 300)
    }

    /// Cleaned of what hides, then of secrets, and only then cut: neither a secret with a hidden
    /// character in it nor half of one gets through.
    func shown(_ text: String, limit: Int) -> String {
        PlainText.line(redactor.clean(PlainText.line(text, limit: .max)), limit: limit)
    }

    /// An address without userinfo, query and fragment, which may hold credentials.
    static func bare(_ address: String) -> String {
        let end = address.firstIndex { "?#".contains($0) } ?? address.endIndex
        var text = String(address[..<end])
        let begin = text.firstRange(of: "//")?.upperBound ?? text.startIndex
        let authorityEnd = text[begin...].firstIndex(of: "/") ?? text.endIndex
        if let at = text[begin..<authorityEnd].lastIndex(of: "@") {
            text.removeSubrange(begin...at)
        }
        return text
    }

    /// The beginning of what the server says about an error, unless it is a page for browsers.
    private func excerpt(_ response: HTTPResponse) -> String {
        // Only the first 1,000 characters are shown from: a secret cut by the 4,096 is not in them.
        let head = String(decoding: response.body.prefix(4096), as: UTF8.self)
        let text = PlainText.line(String(shown(head, limit: .max).prefix(1000)), limit: 80)
        return text.isEmpty || text.first == "<" ? "" : ": \(text)"
    }
}
