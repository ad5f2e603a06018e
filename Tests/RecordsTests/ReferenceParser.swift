/// A JSON checker written for plainness: RFC 8259 rule by rule, one byte at a time.
///
/// It decides UTF-8 by the standard library and shares no code with the one under test.
enum ReferenceParser {
    static func accepts(_ bytes: [UInt8]) -> Bool {
        guard String(validating: bytes, as: UTF8.self) != nil else { return false }
        var text = bytes[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        space(&text)
        guard value(&text, 0) else { return false }
        space(&text)
        return text.isEmpty
    }

    private static func space(_ text: inout ArraySlice<UInt8>) {
        text = text.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    }

    private static func take(_ text: inout ArraySlice<UInt8>, _ word: String) -> Bool {
        guard text.starts(with: word.utf8) else { return false }
        text = text.dropFirst(word.utf8.count)
        return true
    }

    private static func value(_ text: inout ArraySlice<UInt8>, _ depth: Int) -> Bool {
        if take(&text, "true") || take(&text, "false") || take(&text, "null") { return true }
        if text.first == UInt8(ascii: "\"") { return string(&text) }
        if text.first == UInt8(ascii: "[") { return list(&text, depth, "[", "]", value) }
        if text.first == UInt8(ascii: "{") {
            return list(&text, depth, "{", "}") { text, depth in
                guard string(&text) else { return false }
                space(&text)
                guard take(&text, ":") else { return false }
                space(&text)
                return value(&text, depth)
            }
        }
        return number(&text)
    }

    private static func list(
        _ text: inout ArraySlice<UInt8>, _ depth: Int, _ open: String, _ close: String,
        _ item: (inout ArraySlice<UInt8>, Int) -> Bool
    ) -> Bool {
        guard depth < 64, take(&text, open) else { return false }
        space(&text)
        if take(&text, close) { return true }
        while true {
            guard item(&text, depth + 1) else { return false }
            space(&text)
            if take(&text, close) { return true }
            guard take(&text, ",") else { return false }
            space(&text)
        }
    }

    private static func string(_ text: inout ArraySlice<UInt8>) -> Bool {
        guard take(&text, "\"") else { return false }
        while let byte = text.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 0x20 { return false }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let letter = text.popFirst() else { return false }
            if letter == UInt8(ascii: "u") {
                let hex = text.prefix(4)
                guard hex.count == 4, hex.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
                else { return false }
                text = text.dropFirst(4)
            } else if !"\"\\/bfnrt".utf8.contains(letter) {
                return false
            }
        }
        return false
    }

    private static func number(_ text: inout ArraySlice<UInt8>) -> Bool {
        _ = take(&text, "-")
        if !take(&text, "0") {
            guard digits(&text) else { return false }
        }
        if take(&text, ".") {
            guard digits(&text) else { return false }
        }
        if take(&text, "e") || take(&text, "E") {
            if !take(&text, "+") { _ = take(&text, "-") }
            return digits(&text)
        }
        return true
    }

    private static func digits(_ text: inout ArraySlice<UInt8>) -> Bool {
        let rest = text.drop { (0x30...0x39).contains($0) }
        defer { text = rest }
        return rest.count < text.count
    }
}
