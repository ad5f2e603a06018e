import Records
import Testing

@Suite("Answer shape")
struct AnswerShapeTests {
    private func arrays(_ json: String) -> [String] { AnswerShape.arrays(in: Array(json.utf8)) }

    @Test("finds arrays of objects, or empty ones, from outside in")
    func findsArrays() {
        #expect(arrays(#"{"paging":{"of":2},"items":[{"id":1}]}"#) == ["/items"])
        #expect(arrays(#"[{"id":1}]"#) == [""])
        #expect(arrays(#"{"a":{"b":{"rows":[]}},"list":[{}]}"#) == ["/list", "/a/b/rows"])
        #expect(arrays(#"{"a/b":{"c~d":[{}]}}"#) == ["/a~1b/c~0d"])
    }

    @Test("takes neither lists of texts, nor what is within a list, for records")
    func leavesOtherArrays() {
        #expect(arrays(#"{"tags":["x"],"n":[1,{}]}"#) == [])
        #expect(arrays(#"{"rows":[{"lines":[{}]}]}"#) == ["/rows"])
    }

    @Test("is bounded, and says nothing of what is no JSON")
    func isBounded() {
        let many = (0..<50).map { #""k\#($0)":[]"# }.joined(separator: ",")
        #expect(arrays("{\(many)}").count == 6)
        let deep =
            String(repeating: #"{"d":"#, count: 20) + "[]" + String(repeating: "}", count: 20)
        #expect(arrays(deep) == [])
        for text in ["", "<html>", #"{"a":["#, "7", "null"] { #expect(arrays(text) == []) }
    }

    @Test("proposes what may name a record")
    func proposesIdentities() throws {
        let json = #"{"items":[{"number":7,"code":"a","open":true,"x":{},"y":null},{"id":1}]}"#
        let records = try JSONPointer("/items")
        #expect(
            AnswerShape.identities(in: Array(json.utf8), records: records) == ["/number", "/code"])
        for empty in [#"{"items":[]}"#, #"{"items":[7]}"#, #"{"rows":[{"a":1}]}"#, "x"] {
            #expect(AnswerShape.identities(in: Array(empty.utf8), records: records) == [])
        }
    }

    @Test("proposes what may count all records")
    func proposesTotals() {
        func totals(_ json: String) -> [String] {
            AnswerShape.totals(in: Array(json.utf8), rows: 2)
        }
        #expect(totals(#"{"items":[{"total":9}],"paging":{"of":25}}"#) == ["/paging/of"])
        #expect(
            totals(#"{"totalSize":25,"meta":{"row_count":25}}"#) == [
                "/totalSize", "/meta/row_count",
            ])
        for none in [
            #"{"total_pages":3,"page_count":3,"totalTime":9}"#, #"{"count":2}"#, #"{"id":25}"#,
            #"{"total":2.5}"#, #"{"total":"25"}"#, "[]", "x",
        ] { #expect(totals(none) == []) }
    }
}
