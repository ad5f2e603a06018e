import Records
import SyncCore
import TestSupport
import Testing

@Suite("Record slicer")
struct RecordSlicerTests {
    private func slicer(
        _ records: String = "/data", id: String? = "/id", total: String? = "/total",
        single: Bool = false
    ) throws -> RecordSlicer {
        RecordSlicer(
            records: try JSONPointer(records), id: try id.map { try JSONPointer($0) },
            total: try total.map { try JSONPointer($0) }, allowsSingle: single,
            fingerprinter: try Fingerprinter())
    }

    private func error(
        _ json: String, _ records: String = "/data", single: Bool = false
    ) throws -> RecordsError? {
        let slicer = try slicer(records, single: single)
        return #expect(throws: RecordsError.self) { try slicer.slice(Array(json.utf8)) }
    }

    @Test("cuts a page into verbatim records, in its order, with the total wherever it stands")
    func page() throws {
        for json in [
            #"{"total":10,"data":[ {"id": 7, "a":1.0} ,{"id":"x","b":[{}]}],"page":1}"#,
            #"{"page":{"data":[]},"data":[{"id": 7, "a":1.0},{"id":"x","b":[{}]}],"total":"10"}"#,
        ] {
            let slices = try slicer().slice(Array(json.utf8))
            #expect(slices.records.map(\.id.text) == ["7", "x"])
            #expect(
                slices.records.map { String(decoding: $0.body, as: UTF8.self) }
                    == [#"{"id": 7, "a":1.0}"#, #"{"id":"x","b":[{}]}"#])
            #expect(slices.total == 10)
        }
    }

    @Test("gives each record the fingerprint that it has alone")
    func fingerprints() throws {
        let json = #"{"data":[{"id":1,"z":[1,{"b":2,"a":3}]},{"z":[1,{"a":3,"b":2}],"id":1}]}"#
        let records = try slicer().slice(Array(json.utf8)).records
        #expect(records[0].fingerprint == records[1].fingerprint)
        for record in records {
            #expect(try record.fingerprint == Fingerprinter().fingerprint(of: record.body))
        }
    }

    @Test("finds records in a bare array, deep inside, and in an array's element")
    func places() throws {
        #expect(try slicer("").slice(Array(#"[{"id":1}]"#.utf8)).records.count == 1)
        #expect(try slicer("/a/b").slice(Array(#"{"a":{"b":[{"id":1}]}}"#.utf8)).records.count == 1)
        #expect(try slicer("/1/d").slice(Array(#"[0,{"d":[{"id":1}]}]"#.utf8)).records.count == 1)
        #expect(try slicer().slice(Array(#"{"data":[]}"#.utf8)).records.isEmpty)
        #expect(
            try slicer("", id: "").slice(Array(#"["a",5]"#.utf8)).records.map(\.id.text) == [
                "a", "5",
            ])
    }

    @Test("takes the last of two arrays of one name")
    func duplicateMember() throws {
        let json = #"{"data":[{"id":1}],"total":1,"data":[{"id":2},{"id":3}],"total":2}"#
        let slices = try slicer().slice(Array(json.utf8))
        #expect(slices.records.map(\.id.text) == ["2", "3"])
        #expect(slices.total == 2)
        #expect(try error(#"{"data":[{"id":1}],"data":null}"#)?.code == .notArray)
    }

    @Test("takes a total that is no whole number for unknown")
    func total() throws {
        for total in ["null", "-1", "1.5", "\"many\"", "[]", "99999999999999999999999"] {
            let json = #"{"data":[{"id":1}],"total":\#(total)}"#
            #expect(try slicer().slice(Array(json.utf8)).total == nil)
        }
        #expect(try slicer(total: nil).slice(Array(#"{"data":[],"total":1}"#.utf8)).total == nil)
    }

    @Test("takes an object for one record where that is allowed")
    func single() throws {
        let json = Array(#"{"total":5,"data":{"id":1,"x":[2]},"more":{"id":3}}"#.utf8)
        let slices = try slicer(single: true).slice(json)
        #expect(slices.records.map(\.id.text) == ["1"])
        #expect(slices.total == 5)
        let whole = try slicer("", single: true).slice(Array(#"{"id":9,"total":3}"#.utf8))
        #expect(whole.records.map(\.id.text) == ["9"])
        #expect(try error(#"{"data":{"id":1}}"#)?.code == .notArray)
        #expect(try error(#"{"data":"x"}"#, single: true)?.code == .notArray)
    }

    @Test("uses the assumed identity only where no pointer names one")
    func assumedID() throws {
        let slicer = try slicer("", id: nil, single: true)
        let records = try slicer.slice(Array("{}".utf8), assumedID: RecordID("k")).records
        #expect(records.map(\.id.text) == ["k"])
        #expect(throws: RecordsError.self) { try slicer.slice(Array("{}".utf8)) }
        #expect(throws: RecordsError.self) {
            try slicer.slice(Array("[{},{}]".utf8), assumedID: RecordID("k"))
        }
    }

    @Test("keeps identities as they are spelled: digits of any length, strings unescaped")
    func identities() throws {
        let long = "35240112345678000190550010000012341000012345"
        let json = #"[{"id":\#(long)},{"id":"\u00e7\/"},{"id":-5},{"id":"1.0"},{"id":0}]"#
        #expect(
            try slicer("").slice(Array(json.utf8)).records.map(\.id.text)
                == [long, "ç/", "-5", "1.0", "0"])
    }

    @Test(
        "refuses what can't be an identity, and says which record it was",
        arguments: [
            "null", "1.0", "1e3", "1E3", "-0", "true", "[]", "{}", "\"\"", #""\ud800""#,
            "\"" + String(repeating: "x", count: 481) + "\"", String(repeating: "1", count: 481),
        ])
    func badIdentity(_ id: String) throws {
        let found = try error(#"{"data":[{"id":1},{"id":\#(id)}]}"#)
        #expect(found?.code == .badID)
        #expect(found?.recordIndex == 1)
    }

    @Test("names what is wrong with an answer that holds no records")
    func failures() throws {
        #expect(try error("<html>")?.code == .notJSON)
        #expect(try error(#"{"data":[{"id":1}]"#)?.code == .notJSON)
        #expect(try error(#"{"data":[{"id":1}]} x"#)?.code == .notJSON)
        #expect(try error(#"{"data":[{"id":NaN}]}"#)?.code == .notJSON)
        #expect(try error(#"{"items":[]}"#)?.code == .noRecords)
        #expect(try error("[]")?.code == .noRecords)
        #expect(try error("5")?.code == .noRecords)
        #expect(try error(#"{"data":{}}"#)?.code == .notArray)
        let missing = try error(#"{"data":[{"id":1},{"id":2},{"ID":3}]}"#)
        #expect(missing?.code == .noID)
        #expect(missing?.recordIndex == 2)
        #expect(missing?.description.contains("record 2") == true)
        #expect(try error(String(repeating: "[", count: 100_000), "")?.code == .tooDeep)
    }

    @Test("never crashes on damaged pages, and cuts only valid records", arguments: 0..<4)
    func fuzz(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let slicers = [try slicer(), try slicer("", single: true), try slicer("/0", single: true)]
        var cut = 0
        for _ in 0..<500 {
            let records = (0..<random.below(4)).map { #"{"id":\#($0),"v":\#(random.json())}"# }
            var bytes = Array(#"{"data":[\#(records.joined(separator: ","))],"total":3}"#.utf8)
            if random.below(2) == 0 { bytes[random.below(bytes.count)] = UInt8(random.below(128)) }
            for slicer in slicers {
                guard let slices = try? slicer.slice(bytes) else { continue }
                for record in slices.records {
                    try JSONValidator.validate(record.body)
                    cut += 1
                }
            }
        }
        #expect(cut > 100)
    }
}
