import Testing

@testable import RESTSource

@Suite("Lines made of an API's text")
struct PlainTextTests {
    @Test(
        "printable ASCII stays as it is, up to one character below the limit",
        arguments: ["", "a", "nginx/1.25", "Mon, 01 Jan 2026 00:00:00 GMT", "~!\"#"])
    func plain(text: String) {
        #expect(PlainText.line(text, limit: text.utf8.count + 1) == text)
        #expect(PlainText.line(text, limit: .max) == text)
    }

    @Test(
        "everything else is cleaned",
        arguments: [
            (" a", "a"), ("a ", "a"), ("a  b", "a b"), ("a\tb", "a b"), ("a\r\nb", "a b"),
            ("a\u{1B}[2Jb", "a [2Jb"), ("a\u{202E}b", "ab"), ("a\u{7F}b", "ab"), (" ", ""),
            ("ação", "ação"),
        ])
    func cleaned(text: String, line: String) {
        #expect(PlainText.line(text, limit: 100) == line)
    }

    @Test("a text at the limit is cut, and says so")
    func cut() {
        #expect(PlainText.line("abcdef", limit: 6) == "abcde…")
        #expect(PlainText.line("abc", limit: 3) == "ab…")
    }
}
