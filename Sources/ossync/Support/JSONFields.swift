import Records

/// A JSON object that this program wrote, by the names of its members.
struct JSONFields {
    private let bytes: [UInt8]

    /// - Returns: nil where the text is no JSON.
    init?(_ text: some StringProtocol) {
        bytes = Array(text.utf8)
        guard (try? JSONValidator.validate(bytes)) != nil else { return nil }
    }

    func text(_ name: String) -> String? {
        guard let pointer = try? JSONPointer("/" + name) else { return nil }
        return try? pointer.text(in: bytes[...])
    }

    func isTrue(_ name: String) -> Bool {
        guard let pointer = try? JSONPointer("/" + name),
            let literal = try? pointer.value(in: bytes[...])
        else { return false }
        return String(decoding: literal, as: UTF8.self) == "true"
    }

    func number(_ name: String) -> UInt64? {
        guard let pointer = try? JSONPointer("/" + name),
            let literal = try? pointer.value(in: bytes[...])
        else { return nil }
        return UInt64(String(decoding: literal, as: UTF8.self))
    }
}
