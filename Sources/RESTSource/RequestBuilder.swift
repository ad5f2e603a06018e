package import SyncCore

/// Makes the HTTP request for what the core asks; pure.
package struct RequestBuilder: Sendable {
    package let configuration: RESTConfiguration
    private let base: String
    private let headers: [HTTPField]

    package init(_ configuration: RESTConfiguration) {
        self.configuration = configuration
        base = configuration.identity
        headers = Self.headers(configuration.api)
    }

    /// nil for a request that can't be expressed: details without a detail path, a cursor that
    /// belongs to another kind of paging, a filter without a parameter, nothing asked for.
    package func request(for request: SourceRequest) -> HTTPRequest? {
        url(for: request).map { HTTPRequest(method: "GET", url: $0, headers: headers) }
    }

    private func url(for request: SourceRequest) -> String? {
        switch request.kind {
        case .list(let cursor, let filter):
            return listURL(cursor, filter, size: configuration.list.paging.size)
        case .detail(let ids): return detailURL(ids)
        case .health:
            guard let path = configuration.healthPath else {
                return listURL(nil, .all, size: configuration.sampleSize)
            }
            return base + path
        }
    }

    private func listURL(_ cursor: PageCursor?, _ filter: ListFilter, size: Int) -> String? {
        let list = configuration.list
        var place: PagePlace?
        if let cursor {
            guard let decoded = PagePlace(cursor) else { return nil }
            place = decoded
        }
        var parameters: [(String, String)] = []
        var keysetParam: String?
        switch (list.paging, place) {
        case (.page(let name, _, _, let first), nil): parameters.append((name, String(first)))
        case (.page(let name, _, _, _), .page(let number)?):
            parameters.append((name, String(number)))
        case (.offset(let name, _, _), nil): parameters.append((name, "0"))
        case (.offset(let name, _, _), .offset(let offset)?):
            parameters.append((name, String(offset)))
        case (.idAfter(let name, _, _), nil): keysetParam = name
        case (.idAfter(let name, _, _), .after(let id)?):
            keysetParam = name
            parameters.append((name, id.text))
        default: return nil
        }
        if let name = list.paging.sizeParam { parameters.append((name, String(size))) }
        if case .idAfter(let id) = filter {
            guard let name = list.idAfterParam ?? keysetParam else { return nil }
            // A keyset pass has left the filter's place behind: one parameter, its own value.
            if name != keysetParam || place == nil { parameters.append((name, id.text)) }
        }
        return append(parameters, to: base + list.path)
    }

    private func detailURL(_ ids: [RecordID]) -> String? {
        guard let detail = configuration.detail, let first = ids.first else { return nil }
        let joined = ids.map { URLParts.encoded($0.text) }.joined(separator: detail.join)
        if detail.path.contains("{ids}") {
            return base + detail.path.replacing("{ids}", with: joined)
        }
        guard ids.count == 1 else { return nil }
        return base + detail.path.replacing("{id}", with: URLParts.encoded(first.text))
    }

    private func append(_ parameters: [(String, String)], to url: String) -> String {
        var text = url
        for (name, value) in parameters {
            let separator = text.contains("?") ? (text.hasSuffix("?") ? "" : "&") : "?"
            text += separator + URLParts.encoded(name) + "=" + URLParts.encoded(value)
        }
        return text
    }

    private static func headers(_ api: RESTConfiguration.API) -> [HTTPField] {
        var fields = [
            HTTPField(name: "Accept", value: "application/json"),
            HTTPField(name: "User-Agent", value: api.userAgent),
        ]
        switch api.auth {
        case .none: break
        case .bearer(let token):
            fields.append(HTTPField(name: "Authorization", value: "Bearer " + token.reveal()))
        case .apiKey(let name, let key):
            fields.append(HTTPField(name: name, value: key.reveal()))
        case .basic(let user, let password):
            let credentials = Base64.encode("\(user):\(password.reveal())".utf8)
            fields.append(HTTPField(name: "Authorization", value: "Basic " + credentials))
        }
        // A header of the configuration takes the place of ours, whatever its case.
        for header in api.headers {
            fields.removeAll { $0.name.lowercased() == header.name.lowercased() }
            fields.append(HTTPField(name: header.name, value: header.value.reveal()))
        }
        return fields
    }
}

package enum Base64 {
    /// The standard alphabet of RFC 4648 with padding.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bytes = Array(bytes)
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let padded = Array(group) + repeatElement(0, count: 3 - group.count)
            let word = UInt32(padded[0]) << 16 | UInt32(padded[1]) << 8 | UInt32(padded[2])
            for place in 0..<4 {
                let index = Int(word >> UInt32(18 - 6 * place) & 63)
                output.append(place <= group.count ? alphabet[index] : UInt8(ascii: "="))
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// - Returns: nil for what isn't in that alphabet, or no text.
    static func decode(_ text: some StringProtocol) -> String? {
        bytes(text).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// - Returns: nil for what isn't in that alphabet.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var (word, bits, output) = (UInt32(0), 0, [UInt8]())
        for byte in text.utf8 {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="): continue
            default: return nil
            }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return output
    }
}
