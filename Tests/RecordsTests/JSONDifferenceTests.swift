import Records
import Testing

@Suite struct JSONDifferenceTests {
    /// `pointer: before -> after` for each difference; `-` where there is nothing.
    private func differences(_ old: String, _ new: String) throws -> [String] {
        try JSONDifference.between(Array(old.utf8)[...], Array(new.utf8)[...]).map { change in
            let texts = [change.before, change.after].map { bytes in
                bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-"
            }
            return "\(change.pointer): \(texts[0]) -> \(texts[1])"
        }
    }

    @Test func spellingIsNoDifference() throws {
        let old = #"{"a":"é\/","b":[1, 2],"c":{"x":null}}"#
        let new = #" { "c" : {"x":null}, "b":[1,2], "a":"\u00e9/" } "#
        #expect(try differences(old, new).isEmpty)
    }

    @Test func membersAreComparedByName() throws {
        let old = #"{"status":"open","total":"1.50","gone":true,"same":[{}]}"#
        let new = #"{"same":[{}],"status":"closed","total":1.50,"new":{"a":1}}"#
        #expect(
            try differences(old, new) == [
                #"/status: "open" -> "closed""#, #"/total: "1.50" -> 1.50"#, "/gone: true -> -",
                #"/new: - -> {"a":1}"#,
            ])
    }

    @Test func theLiteralOfANumberCounts() throws {
        #expect(try differences(#"{"n":1.0}"#, #"{"n":1}"#) == ["/n: 1.0 -> 1"])
    }

    @Test func placesAreNamedByTheWayThere() throws {
        let old = #"{"items":[{"amount":1},{"amount":2}],"a/b~c":{"x":1}}"#
        let new = #"{"items":[{"amount":1},{"amount":3}],"a\/b~c":{"x":2}}"#
        #expect(
            try differences(old, new) == ["/items/1/amount: 2 -> 3", "/a~1b~0c/x: 1 -> 2"])
    }

    @Test func anElementThatCameOrWentIsOneDifference() throws {
        #expect(try differences("[1,2,3]", "[1,9,2,3]") == ["/1: - -> 9"])
        #expect(try differences("[1,2,3]", "[0,1,2,3]") == ["/0: - -> 0"])
        #expect(try differences("[1,2,3]", "[2,3]") == ["/0: 1 -> -"])
        #expect(try differences("[1,2,3]", "[1,2]") == ["/2: 3 -> -"])
        #expect(try differences("[]", "[1,2]") == ["/0: - -> 1", "/1: - -> 2"])
        #expect(try differences("[1,2,3]", "[7,2,8,3]") == ["/0: 1 -> 7", "/2: - -> 8"])
    }

    @Test func anotherKindIsADifference() throws {
        #expect(try differences("{}", "[]") == [": {} -> []"])
        #expect(try differences(#"{"a":null}"#, #"{"a":{}}"#) == ["/a: null -> {}"])
        #expect(try differences(#"{"a":null}"#, "{}") == ["/a: null -> -"])
    }

    @Test func ofSeveralMembersOfANameTheLastOneCounts() throws {
        #expect(try differences(#"{"a":1,"a":2}"#, #"{"a":2}"#).isEmpty)
        #expect(try differences(#"{"a":2,"a":1}"#, #"{"a":2}"#) == ["/a: 1 -> 2"])
    }

    @Test func whatIsNoJSONIsRefused() {
        #expect(throws: RecordsError.self) { try differences("{", "{}") }
        #expect(throws: RecordsError.self) { try differences("{}", "nil") }
    }
}
