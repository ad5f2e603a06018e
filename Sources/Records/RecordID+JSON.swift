internal import SyncCore

/// Why a value can't be a record's identity; it ends a sentence that begins with the place.
struct BadIdentity: Error {
    let text: String
}

extension RecordID {
    /// A string's content, or the literal of an integer of any length (`1` equals `"1"`).
    ///
    /// `-0` is refused beside `1.0` and `1e3`: it would be a second identity for 0.
    static func read(_ view: JSONView, _ node: Int) -> Result<RecordID, BadIdentity> {
        let text: String
        switch view.kind(node) {
        case .string:
            guard let content = view.text(node) else {
                return .failure(BadIdentity(text: "holds half of a surrogate pair"))
            }
            text = content
        case .number:
            let literal = view.raw(node)
            if literal.contains(UInt8(ascii: ".")) {
                return .failure(BadIdentity(text: "has a fraction, it must be an integer"))
            }
            if literal.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
                return .failure(BadIdentity(text: "has an exponent, it must be a plain integer"))
            }
            if literal.elementsEqual([UInt8(ascii: "-"), UInt8(ascii: "0")]) {
                return .failure(BadIdentity(text: "is -0, which is no plain integer"))
            }
            text = String(decoding: literal, as: UTF8.self)
        case let kind:
            return .failure(BadIdentity(text: "is \(kind.article) instead of a string or integer"))
        }
        if text.isEmpty { return .failure(BadIdentity(text: "is empty")) }
        guard text.utf8.count <= RecordID.maximumLength else {
            let length = text.utf8.count
            return .failure(
                BadIdentity(
                    text: "is \(length) bytes long, at most \(RecordID.maximumLength) are kept"))
        }
        return .success(RecordID(text))
    }
}
