import Testing

@testable import ossync

@Suite struct TextTests {
    @Test func nothingDrivesTheTerminal() {
        let hostile = "a\u{1B}[31mb\u{7}c\u{9B}2Jd\r\n\te\u{202E}f\u{2066}g\u{200F}h\u{7F}i\u{0}"
        #expect(hostile.withoutControls == "a[31mbc2Jdefghi")
        #expect("a\u{2028}b\u{2029}c".withoutControls == "abc")
        #expect("žluťoučký 👩‍🚒 1".withoutControls == "žluťoučký 👩‍🚒 1")
        let everything = String(
            String.UnicodeScalarView(
                (0...0x9F as ClosedRange<UInt32>).compactMap(Unicode.Scalar.init)))
        #expect(everything.withoutControls.unicodeScalars.allSatisfy { (0x20..<0x7F) ~= $0.value })
        #expect(everything.withoutControls.unicodeScalars.count == 95)
    }

    @Test func aCellIsCutAndPadded() {
        #expect("ab".padded(to: 4) == "ab  ")
        #expect("abcdef".padded(to: 4) == "abcd")
        #expect("".padded(to: 2) == "  ")
    }

    @Test(
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1,000"), (123_456, "123,456"),
            (UInt64.max, "18,446,744,073,709,551,615"),
        ] as [(UInt64, String)])
    func thousandsAreSetApart(number: UInt64, text: String) {
        #expect(number.grouped == text)
    }

    @Test func textIsQuotedAsJSON() {
        let text = JSONText.string("a\"b\\c\nd\te\u{1}f\u{7F}é/")
        #expect(text.line == "\"a\\\"b\\\\c\\nd\\u0009e\\u0001f\u{7F}é/\"")
    }

    @Test func membersKeepTheirOrderOnOneLine() {
        let value: JSONText = [
            "z": 1, "a": ["x", true, .null, .seconds(ns: 1_234_567_890)], "e": [:], "l": [],
            "t": .optional(nil), "u": .optional("v"),
        ]
        #expect(value.line == #"{"z":1,"a":["x",true,null,1.234],"e":{},"l":[],"t":null,"u":"v"}"#)
    }

    @Test func indentedItHasAMemberALine() {
        let value: JSONText = ["a": ["x", 2], "e": [:], "l": []]
        #expect(
            value.rendered() == """
                {
                  "a": [
                    "x",
                    2
                  ],
                  "e": {},
                  "l": []
                }
                """)
    }

    @Test(
        arguments: [
            (0, "0.000"), (1_500_000_000, "1.500"), (999_999, "0.000"), (60_007_000_000, "60.007"),
            (-5, "0.000"),
        ] as [(Int64, String)])
    func secondsHaveThreeDecimals(ns: Int64, text: String) {
        #expect(JSONText.seconds(ns: ns).line == text)
    }
}

extension JSONText: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int) { self = .literal(String(value)) }
}
