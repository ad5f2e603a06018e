import Records
import SyncCore
import TestSupport
import Testing

@Suite("JSON validator")
struct JSONValidatorTests {
    private func accepts(_ bytes: [UInt8]) -> Bool {
        do {
            try JSONValidator.validate(bytes)
            return true
        } catch {
            return false
        }
    }

    @Test(
        "accepts what RFC 8259 allows",
        arguments: [
            "0", "-0", " 1 ", "null", "true", "false", "\"\"", "[]", "{}", "[ ]", "{ }",
            "\t[\r\n1 ,2]",
            "1e400", "-1E+2", "0.5e-10", "35240112345678000190550010000012341000012345",
            #"{"a":1,"a":2}"#, #"{"":0}"#, #""\ud800""#, #""\udc00\ud800x""#, #""\uD83D\uDE00""#,
            #""\/\b\f\n\r\t\"\\""#, "\"\u{7f}\"", "\"\u{2028}\"", #""\u0000""#, "[[[[1]]]]",
            "\"12345678\\\"9\"", "\"ação 日本 😀\"", "\u{feff}{}",
        ])
    func accepted(_ text: String) throws {
        try JSONValidator.validate(Array(text.utf8))
    }

    @Test(
        "refuses what RFC 8259 does not allow",
        arguments: [
            "", " ", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1",
            "1 2",
            "tru", "nul", "True", "[", "]", "{", "[1,]", "[,1]", "[1 2]", #"{"a"}"#, #"{"a":}"#,
            #"{"a":1,}"#, "{a:1}", "{'a':1}", #"{"a" 1}"#, #"{1:1}"#, "\"", "\"a", #""\"#, #""\x""#,
            #""\u12""#, #""\u12g4""#, "\"\n\"", "\"\t\"", "\"\u{0}\"", "[1]]", "{}{}", "// a\n1",
            "[1,\u{feff}2]", "\u{feff}", "\u{a0}1", "[\u{c}1]", "undefined",
        ])
    func refused(_ text: String) {
        #expect(!accepts(Array(text.utf8)))
    }

    @Test(
        "refuses bytes that are not UTF-8, with their place",
        arguments: [
            [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0xAF],
            [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xE2, 0x28, 0xA1],
            [0xE2, 0x82, 0x28], [0xF0, 0x9F, 0x98, 0x28],
        ] as [[UInt8]])
    func notUTF8(_ bytes: [UInt8]) {
        let error = #expect(throws: RecordsError.self) {
            try JSONValidator.validate([UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")])
        }
        #expect(error?.code == .notUTF8)
        #expect(error?.offset == 1)
    }

    @Test("counts depth exactly: 64 levels pass, 65 do not, 100,000 do no harm")
    func depth() {
        func nested(_ levels: Int, _ open: String, _ close: String) -> [UInt8] {
            Array(
                (String(repeating: open, count: levels) + "1"
                    + String(repeating: close, count: levels)).utf8)
        }
        #expect(accepts(nested(64, "[", "]")))
        #expect(accepts(nested(64, #"{"a":"#, "}")))
        for levels in [65, 100_000] {
            let error = #expect(throws: RecordsError.self) {
                try JSONValidator.validate(nested(levels, "[", "]"))
            }
            #expect(error?.code == .tooDeep)
            #expect(error?.offset == 64)
        }
    }

    @Test("says where the text breaks and what was expected there")
    func message() {
        let error = #expect(throws: RecordsError.self) {
            try JSONValidator.validate(Array(#"{"a":1;"b":2}"#.utf8))
        }
        #expect(error?.description == "';' found where ',' or '}' is expected at byte 6")
        let html = #expect(throws: RecordsError.self) {
            try JSONValidator.validate(Array("<html>".utf8))
        }
        #expect(html?.offset == 0)
    }

    @Test("agrees with a plain reference on random and on damaged text", arguments: 0..<8)
    func agreesWithReference(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var (good, bad) = (0, 0)
        for _ in 0..<600 {
            var bytes = Array(random.json().utf8)
            #expect(accepts(bytes))
            for _ in 0..<random.below(3) where !bytes.isEmpty {
                let place = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(UInt8(random.below(256)), at: place)
                case 2: bytes[place] = Array(#"{}[],:"\u0eE.-+ tfn"#.utf8)[random.below(18)]
                default: bytes.removeSubrange(place...)
                }
            }
            let expected = ReferenceParser.accepts(bytes)
            if expected { good += 1 } else { bad += 1 }
            #expect(accepts(bytes) == expected, "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(good > 50 && bad > 50)
    }

    @Test("survives random bytes", arguments: 0..<4)
    func randomBytes(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(1000 + seed))
        for _ in 0..<2000 {
            let bytes = (0..<random.below(40)).map { _ in UInt8(random.below(256)) }
            #expect(accepts(bytes) == ReferenceParser.accepts(bytes))
        }
    }
}
