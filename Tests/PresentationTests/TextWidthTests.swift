import Presentation
import Testing

@Suite struct TextWidthTests {
    @Test(arguments: [
        ("one two three", 8, ["one two", "three"]), ("one two", 7, ["one two"]),
        ("one two three", 7, ["one two", "three"]), ("", 5, [""]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        // A word that is wide is cut rather than half of a line left empty.
        ("a bcdefghijkl", 8, ["a bcdefg", "hijkl"]),
        ("整備中 整備", 8, ["整備中", "整備"]),
    ])
    func linesEndWhereWordsDo(text: String, width: Int, lines: [String]) {
        #expect(TextWidth.wrapped(text, to: width) == lines)
    }

    @Test func noLineIsWiderAndNothingIsLost() {
        let text = "exit 2: ossync.yaml:30: 整備中 e\u{301}a, a-name-that-has-no-end: set  it"
        for width in 4...90 {
            let lines = TextWidth.wrapped(text, to: width)
            for line in lines { #expect(TextWidth.columns(line) <= width) }
            #expect(lines.joined().filter { $0 != " " } == text.filter { $0 != " " })
        }
    }
}
