/// How a server writes a token that it repeats: those who write JSON or URLs escape what they like.
enum TokenSpelling: CaseIterable {
    case plain
    /// `\/`, as PHP writes it.
    case escapedSlash
    /// `\u0073` and so on, each character.
    case escapedUnits
    /// `%2F`.
    case percentEncoded
    /// `%2f`.
    case lowerPercentEncoded

    /// - Parameter token: ASCII, without quotation marks, backslashes and percent signs.
    func spell(_ token: String) -> String {
        switch self {
        case .plain: token
        case .escapedSlash: token.replacing("/", with: "\\/")
        case .escapedUnits:
            token.utf8.map { byte in
                let digits = String(byte, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }.joined()
        case .percentEncoded: token.replacing("/", with: "%2F")
        case .lowerPercentEncoded: token.replacing("/", with: "%2f")
        }
    }

    /// A body with the token spelled in this way wherever it stands.
    func spell(_ token: String, in body: [UInt8]) -> [UInt8] {
        guard self != .plain else { return body }
        let (plain, spelled) = (Array(token.utf8), Array(spell(token).utf8))
        return body.withUnsafeBytes { text in
            var (result, copied) = ([UInt8](), 0)
            while let hit = text.offset(of: plain, from: copied) {
                result += text[copied..<hit]
                result += spelled
                copied = hit + plain.count
            }
            return copied == 0 ? body : result + text[copied...]
        }
    }
}
