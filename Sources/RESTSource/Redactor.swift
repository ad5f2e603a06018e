internal import Glibc

/// Finds the configured secrets in what comes back, in every spelling, and takes them out.
struct Redactor: Sendable {
    /// Shorter secrets would be found by chance in bodies, where they'd spoil innocent values.
    static let minimumBodyLength = 12
    private static let minimumTextLength = 4
    private static let mask = Array("***".utf8)

    /// For texts to people: everything of four bytes and more, the longest first.
    private let textNeedles: [Needle]
    /// For bodies: the spellings that can occur inside of a JSON string; they tell quickly that a
    /// body has none.
    private let bodyNeedles: [Needle]
    /// What a text, or a string of a body, must not say once its escapes are undone.
    private let textSecrets: [[UInt8]]
    private let bodySecrets: [[UInt8]]
    /// The characters of the secrets, as UTF-16 code units: some writers escape more than they
    /// must, and spell a plus sign \u002B.
    private let secretUnits: Set<UInt16>

    init(_ configuration: RESTConfiguration) {
        var secrets = configuration.api.headers.filter(\.isSecret).flatMap(\.secrets)
        switch configuration.api.auth {
        case .none: break
        case .bearer(let secret), .apiKey(_, let secret): secrets.append(secret.reveal())
        case .basic(let user, let password):
            secrets.append(password.reveal())
            secrets.append(Base64.encode("\(user):\(password.reveal())".utf8))
        }
        self.init(secrets: secrets)
    }

    init(secrets: [String]) {
        func needles(_ minimum: Int, _ isUsable: ([UInt8]) -> Bool) -> [Needle] {
            let all = secrets.filter { $0.utf8.count >= minimum }.flatMap { Self.spellings($0) }
            return Set(all.filter(isUsable)).sorted {
                $0.count != $1.count ? $0.count > $1.count : $0.lexicographicallyPrecedes($1)
            }.map { Needle($0) }
        }
        textNeedles = needles(Self.minimumTextLength) { _ in true }
        bodyNeedles = needles(Self.minimumBodyLength) { Self.canOccur($0) }
        func plain(_ minimum: Int) -> [[UInt8]] {
            let usable = secrets.filter { $0.utf8.count >= minimum }
            return Set(usable.flatMap { Self.plainSpellings($0) }).sorted {
                $0.count != $1.count ? $0.count > $1.count : $0.lexicographicallyPrecedes($1)
            }
        }
        textSecrets = plain(Self.minimumTextLength)
        bodySecrets = plain(Self.minimumBodyLength)
        secretUnits = Set(textSecrets.flatMap { String(decoding: $0, as: UTF8.self).utf16 })
    }

    /// A text for people, without any secret.
    func clean(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard contains(bytes, textNeedles) || escapesSecretUnit(bytes) else { return text }
        var (output, index) = ([UInt8](), 0)
        while index < bytes.count {
            if let length = match(bytes, at: index, among: textNeedles)
                ?? match(bytes, at: index, saying: textSecrets)
            {
                output += Self.mask
                index += length
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// A body with `***` for each secret inside of a JSON string; the same storage without a hit.
    ///
    /// A match begins at a character of the string, never within an escape, and ends with one: the
    /// result is JSON whenever the body was.
    func clean(body: [UInt8]) -> [UInt8] {
        guard contains(body, bodyNeedles) || escapesSecretUnit(body) else { return body }
        var (output, copied, index, isInside) = ([UInt8](), 0, 0, false)
        output.reserveCapacity(body.count)
        while index < body.count {
            if isInside, let length = match(body, at: index, saying: bodySecrets) {
                output += body[copied..<index]
                output += Self.mask
                index += length
                copied = index
                continue
            }
            let byte = body[index]
            if byte == UInt8(ascii: "\"") { isInside.toggle() }
            let isEscape = isInside && byte == UInt8(ascii: "\\")
            index += isEscape ? Self.escapeLength(body, at: index) : 1
        }
        output += body[copied...]
        return output
    }

    /// The length of the secret that a string says from `index` on; nil when it says none.
    private func match(_ body: [UInt8], at index: Int, saying secrets: [[UInt8]]) -> Int? {
        for secret in secrets {
            if let length = Self.length(of: secret, in: body, at: index) { return length }
        }
        return nil
    }

    private static func length(of secret: [UInt8], in body: [UInt8], at index: Int) -> Int? {
        var (at, matched) = (index, 0)
        while matched < secret.count {
            guard at < body.count, body[at] != UInt8(ascii: "\"") else { return nil }
            guard body[at] == UInt8(ascii: "\\") else {
                guard body[at] == secret[matched] else { return nil }
                at += 1
                matched += 1
                continue
            }
            guard let scalar = escaped(body, at: at), let said = UTF8.encode(scalar),
                secret[matched...].starts(with: said)
            else { return nil }
            at += escapeLength(body, at: at)
            matched += said.count
        }
        return at - index
    }

    /// The character that an escape stands for; nil for controls and surrogates, which no secret
    /// holds.
    private static func escaped(_ body: [UInt8], at index: Int) -> UnicodeScalar? {
        guard index + 1 < body.count else { return nil }
        let letter = body[index + 1]
        if "\"\\/".utf8.contains(letter) { return UnicodeScalar(letter) }
        return escapedUnit(body, at: index).flatMap { UnicodeScalar($0) }
    }

    /// The code unit of a `\uXXXX`.
    private static func escapedUnit(_ body: [UInt8], at index: Int) -> UInt16? {
        guard index + 6 <= body.count, body[index + 1] == UInt8(ascii: "u") else { return nil }
        return UInt16(String(decoding: body[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }

    private static func escapeLength(_ body: [UInt8], at index: Int) -> Int {
        index + 1 < body.count && body[index + 1] == UInt8(ascii: "u") ? 6 : 2
    }

    /// Whether a character of a secret is written as `\uXXXX` somewhere, so that a closer look is
    /// needed.
    private func escapesSecretUnit(_ body: [UInt8]) -> Bool {
        guard !secretUnits.isEmpty else { return false }
        return body.withUnsafeBytes { bytes in
            var index = 0
            while index < bytes.count, let start = bytes.baseAddress,
                let found = memchr(start + index, 0x5C, bytes.count - index)
            {
                let at = UnsafeRawPointer(found) - start
                if let unit = Self.escapedUnit(body, at: at), secretUnits.contains(unit) {
                    return true
                }
                index = at + 2
            }
            return false
        }
    }

    /// A secret as it is, and percent-encoded in both cases.
    private static func plainSpellings(_ secret: String) -> [[UInt8]] {
        let encoded = URLParts.encoded(secret)
        return [Array(secret.utf8), Array(encoded.utf8), Array(lowerHex(encoded).utf8)]
    }

    /// Each spelling of a secret: raw, percent-encoded in both cases, and JSON-escaped.
    private static func spellings(_ secret: String) -> [[UInt8]] {
        var escaped: [UInt8] = []
        for byte in secret.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                escaped.append(UInt8(ascii: "\\"))
            }
            escaped.append(byte)
        }
        // Some writers escape the slash, as PHP does.
        let slashed = escaped.flatMap {
            $0 == UInt8(ascii: "/") ? [UInt8(ascii: "\\"), $0] : [$0]
        }
        return plainSpellings(secret) + [escaped, slashed]
    }

    private static func lowerHex(_ encoded: String) -> String {
        var (text, left) = ("", 0)
        for character in encoded {
            text += left > 0 ? character.lowercased() : String(character)
            left = character == "%" ? 2 : max(left - 1, 0)
        }
        return text
    }

    /// Whether a spelling can stand in a JSON string: every backslash escapes, no mark is bare.
    private static func canOccur(_ needle: [UInt8]) -> Bool {
        var index = 0
        while index < needle.count {
            if needle[index] == UInt8(ascii: "\"") { return false }
            if needle[index] == UInt8(ascii: "\\") {
                guard index + 1 < needle.count, "\"\\/".utf8.contains(needle[index + 1]) else {
                    return false
                }
                index += 1
            }
            index += 1
        }
        return true
    }

    private func match(_ bytes: [UInt8], at index: Int, among needles: [Needle]) -> Int? {
        needles.first { needle in
            bytes[index] == needle.bytes.first && bytes[index...].starts(with: needle.bytes)
        }?.bytes.count
    }

    private func contains(_ bytes: [UInt8], _ needles: [Needle]) -> Bool {
        bytes.withUnsafeBufferPointer { text in needles.contains { $0.occurs(in: text) } }
    }
}

/// Bytes to be found, by Horspool's method: most of a text is stepped over unread.
private struct Needle: Sendable {
    let bytes: [UInt8]
    /// How far to go on when a byte of the text stands under the needle's last one.
    private let steps: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var steps = [Int](repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() {
            steps[Int(byte)] = bytes.count - 1 - index
        }
        self.steps = steps
    }

    func occurs(in text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let final = bytes.last else { return false }
        var end = bytes.count - 1
        return bytes.withUnsafeBufferPointer { needle in
            steps.withUnsafeBufferPointer { steps in
                while end < text.count {
                    let byte = text[end]
                    if byte == final {
                        let start = end - needle.count + 1
                        var index = 0
                        while index < needle.count, text[start + index] == needle[index] {
                            index += 1
                        }
                        if index == needle.count { return true }
                    }
                    end += steps[Int(byte)]
                }
                return false
            }
        }
    }
}

extension RESTConfiguration.Header {
    /// What is secret of it: the value, and what a server may tell of it.
    fileprivate var secrets: [String] {
        let value = self.value.reveal()
        let bears = ["authorization", "proxy-authorization", "cookie"]
        return [value, credential] + (bears.contains(name.lowercased()) ? parts : [])
    }

    /// `TOKEN` of `Bearer TOKEN`; of other forms the whole.
    fileprivate var credential: String {
        let words = value.reveal().split(separator: " ")
        let isScheme = words.first?.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } ?? false
        return words.count == 2 && isScheme ? String(words[1]) : value.reveal()
    }

    /// The password of `Basic BASE64`, `VALUE` of `name=VALUE; other="VALUE"`.
    private var parts: [String] {
        var parts: [String] = []
        for word in value.reveal().split(whereSeparator: { " ,;\"".contains($0) }) {
            parts.append(String(word))
            // A name, and what it is; behind it, signs of equality fill up what is in Base64.
            if let sign = word.firstIndex(of: "=") {
                parts.append(String(word[word.index(after: sign)...]))
            }
            if let plain = Base64.decode(word), let colon = plain.firstIndex(of: ":") {
                parts.append(String(plain[plain.index(after: colon)...]))
            }
        }
        // A shorter one may be a word of every text.
        return parts.filter { $0.utf8.count >= Redactor.minimumBodyLength }
    }
}

extension RESTConfiguration {
    /// Whether a credential is too short to be looked for in what is stored.
    package var hasShortSecret: Bool {
        var secrets = api.headers.filter(\.isSecret).map(\.credential)
        switch api.auth {
        case .none: break
        case .bearer(let token): secrets.append(token.reveal())
        case .apiKey(_, let key): secrets.append(key.reveal())
        case .basic(_, let password): secrets.append(password.reveal())
        }
        return secrets.contains { $0.utf8.count < Redactor.minimumBodyLength }
    }
}
