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
        self == .plain ? body : body.replacing(Array(token.utf8), with: Array(spell(token).utf8))
    }
}
