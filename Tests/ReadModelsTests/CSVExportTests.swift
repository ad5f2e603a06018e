import Projections
import ReadModels
import Records
import SyncCore
import Testing

@Suite struct CSVExportTests {
    private func export(_ types: (String, ColumnType)...) throws -> CSVExport {
        CSVExport(try mapping(types))
    }

    private func mapping(_ types: [(String, ColumnType)]) throws -> ColumnMapping {
        try ColumnMapping(
            try types.map { name, type in
                ColumnMapping.Column(
                    name: name, source: .value(try JSONPointer("/\(name)")), type: type)
            })
    }

    private func row(_ id: String, _ values: [ColumnValue?], error: String? = nil) -> RecordView {
        var core = RecordRow(
            ordinal: Ordinal(0), id: RecordID(id),
            headerFingerprint: Fingerprint(high: 1, low: 1), headerPosition: Position(8),
            generation: 2)
        core.detailPosition = Position(11)
        core.attemptedAt = LogTime(nanoseconds: 1_700_000_000 * .nsPerSecond)
        core.error = error.map { RecordError(code: "code", text: $0) }
        return RecordView(core: core, fromHeader: values, fromDetail: nil)
    }

    private func line(_ export: CSVExport, _ row: RecordView) -> String {
        String(decoding: export.line(row), as: UTF8.self)
    }

    /// A reader of RFC 4180, written for this test.
    private func parse(_ text: String) throws -> [[String]] {
        var records: [[String]] = []
        var record: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            switch (byte, isQuoted) {
            case (UInt8(ascii: "\""), false):
                #expect(field.isEmpty, "a quote within a field that isn't quoted")
                isQuoted = true
            case (UInt8(ascii: "\""), true):
                if bytes.first == UInt8(ascii: "\"") {
                    field.append(bytes.removeFirst())
                } else {
                    isQuoted = false
                }
            case (UInt8(ascii: ","), false):
                record.append(String(decoding: field, as: UTF8.self))
                field = []
            case (0x0D, false):
                #expect(bytes.popFirst() == 0x0A, "a bare CR")
                record.append(String(decoding: field, as: UTF8.self))
                records.append(record)
                (record, field) = ([], [])
            case (0x0A, false): Issue.record("a bare LF")
            default: field.append(byte)
            }
        }
        #expect(record.isEmpty && field.isEmpty && !isQuoted, "the last line has no end")
        return records
    }

    @Test func theHeaderNamesTheColumnsInTheirOrder() throws {
        let export = try export(("customer", .text), ("total", .decimal))
        #expect(
            String(decoding: export.header, as: UTF8.self)
                == "id,customer,total,details_synced,sync_attempted_at,sync_error,generation,"
                + "header_position,detail_position\r\n")
    }

    @Test func aRecordIsOneLine() throws {
        let export = try export(("customer", .text), ("total", .decimal), ("open", .boolean))
        let decimal = try Array("12.50".utf8).withUnsafeBufferPointer { try ExactDecimal($0) }
        let row = row("17", [.text("ACME"), .decimal(decimal), .boolean(false)])
        #expect(
            line(export, row)
                == "17,ACME,12.50,false,true,2023-11-14T22:13:20.000Z,,2,8,11\r\n")
    }

    @Test func whatIsNotThereIsEmpty() throws {
        let export = try export(("a", .text), ("b", .integer), ("c", .text))
        var row = row("1", [.null, .mismatch(Array("\"x\"".utf8)), nil])
        row.core.detailPosition = .none
        row.core.attemptedAt = nil
        row.core.queue = QueueEntry(state: .pending, isChange: false)
        #expect(line(export, row) == "1,,,,false,,,2,8,\r\n")
    }

    @Test(arguments: [
        "plain", "a,b", "say \"no\"", "two\r\nlines", "two\nlines", "\"", "\"\"", ",", "\r", "é,ü",
        " spaces ", "emoji 👩‍🚒,", "e\u{301}\"", "\r\n", "",
    ])
    func anyTextIsReadBackAsItWas(text: String) throws {
        let export = try export(("a", .text), ("b", .text))
        let records = try parse(line(export, row("1", [.text(text), .text("end")], error: text)))
        #expect(records.count == 1)
        // A text that begins with CR is one that a spreadsheet might take for a formula.
        let expected = text.utf8.first == 0x0D ? "'" + text : text
        #expect(records[0][1].utf8.elementsEqual(expected.utf8))
        #expect(records[0][2] == "end")
        #expect(records[0][5].utf8.elementsEqual(expected.utf8))
    }

    @Test(arguments: ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
    func textIsNeverAFormula(text: String) throws {
        let export = try export(("a", .text), ("b", .json))
        let view = row(text, [.text(text), .json(Array("{}".utf8))], error: text)
        let record = try parse(line(export, view))[0]
        for field in [record[0], record[1], record[5]] {
            #expect(field.utf8.elementsEqual(("'" + text).utf8))
        }
    }

    @Test func numbersAreNeverQuoted() throws {
        let export = try export(("a", .integer), ("b", .decimal))
        let decimal = try Array("-0.50".utf8).withUnsafeBufferPointer { try ExactDecimal($0) }
        let record = try parse(line(export, row("1", [.integer("-17"), .decimal(decimal)])))[0]
        #expect(record[1...2] == ["-17", "-0.50"])
    }

    @Test func nestedJSONIsOneField() throws {
        let export = try export(("a", .json))
        let json = "[{\"a\":\"x,\\\"y\\\"\"},\n 2]"
        let record = try parse(line(export, row("1", [.json(Array(json.utf8))])))[0]
        #expect(record[1] == json)
        #expect(record.count == 8)
    }
}
