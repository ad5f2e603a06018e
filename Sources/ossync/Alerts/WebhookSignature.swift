import EventLog
import RESTSource

/// Signs a message as the Standard Webhooks specification describes, so that whoever gets it can
/// tell that it is ours, whole and new.
struct WebhookSignature {
    let id: String
    /// Now, in Unix time.
    let seconds: Int64
    let body: [UInt8]

    private static let prefix = "whsec_"

    /// Identity and time, and the signature where there is a secret.
    func headers(secret: Secret?) -> [HTTPField] {
        var fields = [
            HTTPField(name: "webhook-id", value: id),
            HTTPField(name: "webhook-timestamp", value: String(seconds)),
        ]
        if let secret {
            fields.append(HTTPField(name: "webhook-signature", value: signature(secret)))
        }
        return fields
    }

    /// `v1,` and the HMAC-SHA256 over `id.timestamp.body`.
    private func signature(_ secret: Secret) -> String {
        let signed = Array("\(id).\(seconds).".utf8) + body
        return "v1," + Base64.encode(HMAC.sha256(key: Self.key(secret), signed))
    }

    /// What follows `whsec_` is base64, as the specification has it; any other secret is the key
    /// as it is.
    private static func key(_ secret: Secret) -> [UInt8] {
        let text = secret.reveal()
        guard text.hasPrefix(prefix), let key = Base64.bytes(text.dropFirst(prefix.count)) else {
            return Array(text.utf8)
        }
        return key
    }
}
