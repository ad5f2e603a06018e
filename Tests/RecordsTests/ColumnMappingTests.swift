import Records
import Testing

@Suite("Column mapping")
struct ColumnMappingTests {
    private func evaluate(
        _ source: ColumnMapping.Source, _ type: ColumnType, _ origin: ColumnMapping.Origin = .both,
        notation: ExactDecimal.Notation = .point, header: String? = nil, detail: String? = nil
    ) throws -> ColumnValue? {
        let mapping = try ColumnMapping([
            .init(name: "c", source: source, type: type, origin: origin, notation: notation)
        ])
        return try mapping.evaluate(
            header: header.map { Array($0.utf8)[...] }, detail: detail.map { Array($0.utf8)[...] }
        ).first
    }

    private func read(_ type: ColumnType, _ json: String) throws -> ColumnValue? {
        try evaluate(.value(.root), type, detail: json)
    }

    private func mismatch(_ json: String) -> ColumnValue { .mismatch(Array(json.utf8)) }

    @Test("reads each type, and keeps and flags what does not fit")
    func types() throws {
        #expect(try read(.text, #""a\u00e7""#) == .text("aç"))
        #expect(try read(.text, "1.50") == .text("1.50"))
        #expect(try read(.text, "[1]") == mismatch("[1]"))
        #expect(try read(.text, #""\ud800""#) == mismatch(#""\ud800""#))
        #expect(
            try read(.integer, "35240112345678000190550") == .integer("35240112345678000190550"))
        #expect(try read(.integer, #""-42""#) == .integer("-42"))
        #expect(try read(.integer, "-0") == .integer("0"))
        #expect(try read(.integer, "1.0") == mismatch("1.0"))
        #expect(try read(.integer, #""007""#) == mismatch(#""007""#))
        #expect(try read(.integer, #""-""#) == mismatch(#""-""#))
        #expect(try read(.decimal, "1.50") == .decimal(ExactDecimal("1.50")))
        #expect(try read(.decimal, #""1e3""#) == .decimal(ExactDecimal("1000")))
        #expect(try read(.decimal, #""1,5""#) == mismatch(#""1,5""#))
        #expect(try read(.boolean, "true") == .boolean(true))
        #expect(try read(.boolean, "false") == .boolean(false))
        #expect(try read(.boolean, #""S""#) == mismatch(#""S""#))
        #expect(try read(.json, #"{"a": 1}"#) == .json(Array(#"{"a": 1}"#.utf8)))
        for type in ColumnType.allCases { #expect(try read(type, "null") == .null) }
    }

    @Test("reads the decimal comma in strings only")
    func comma() throws {
        let source = ColumnMapping.Source.value(.root)
        #expect(
            try evaluate(source, .decimal, notation: .comma, detail: #""1.234,50""#)
                == .decimal(ExactDecimal("1234.50")))
        #expect(
            try evaluate(source, .decimal, notation: .comma, detail: "1.5")
                == .decimal(ExactDecimal("1.5")))
    }

    @Test(
        "recognises dates and times of ISO 8601",
        arguments: [
            ("2024-02-29", true), ("2023-02-29", false), ("1900-02-29", false),
            ("2000-02-29", true),
            ("2024-13-01", false), ("2024-04-31", false), ("29/02/2024", false),
            ("2024-2-9", false),
        ])
    func dates(_ text: String, _ isDate: Bool) throws {
        #expect(DateText.isDate(text.utf8) == isDate)
        #expect(try read(.date, "\"\(text)\"") == (isDate ? .text(text) : mismatch("\"\(text)\"")))
        #expect(DateText.isDateTime(text.utf8) == isDate)
    }

    @Test(
        "recognises times",
        arguments: [
            ("2024-01-02T03:04:05Z", true), ("2024-01-02 03:04", true),
            ("2024-01-02T03:04:05.123456-03:00", true),
            ("2024-01-02T03:04:60+0530", true), ("2024-01-02t03:04:05,5z", true),
            ("2024-01-02T03:04:05-03", true),
            ("2024-01-02T24:00:00Z", false), ("2024-01-02T03:60:00Z", false),
            ("2024-01-02T03:04:05.Z", false),
            ("2024-01-02T03:04:05Zx", false), ("2024-01-02T", false), ("2024-01-02T03", false),
            ("", false),
        ])
    func times(_ text: String, _ isTime: Bool) {
        #expect(DateText.isDateTime(text.utf8) == isTime)
        #expect(!DateText.isDate(text.utf8))
    }

    @Test("takes the detail, and the header where the detail is absent or lacks the place")
    func origins() throws {
        let source = ColumnMapping.Source.value(try JSONPointer("/a"))
        let (header, detail) = (#"{"a":"h"}"#, #"{"a":"d"}"#)
        #expect(try evaluate(source, .text, header: header, detail: detail) == .text("d"))
        #expect(try evaluate(source, .text, header: header, detail: "{}") == .text("h"))
        #expect(try evaluate(source, .text, header: header) == .text("h"))
        #expect(try evaluate(source, .text, header: header, detail: #"{"a":null}"#) == .null)
        #expect(try evaluate(source, .text, .header, header: header, detail: detail) == .text("h"))
        #expect(try evaluate(source, .text, .detail, header: header) == .null)
        #expect(try evaluate(source, .text) == .null)
    }

    @Test("sums exactly: null without a detail, 0 over an empty array")
    func sums() throws {
        let source = ColumnMapping.Source.sum(try JSONPointer("/e/*/v", wildcards: true))
        let header = #"{"e":[{"v":9}]}"#
        #expect(try evaluate(source, .decimal, header: header) == .null)
        #expect(
            try evaluate(source, .decimal, header: header, detail: #"{"e":[]}"#) == .decimal(.zero))
        #expect(try evaluate(source, .decimal, header: "{}", detail: "{}") == .null)
        #expect(try evaluate(source, .decimal, detail: #"{"e":null}"#) == .null)
        #expect(
            try evaluate(source, .decimal, .header, header: header) == .decimal(ExactDecimal("9")))
        #expect(
            try evaluate(
                source, .decimal, detail: #"{"e":[{"v":0.1},{"v":"0.20"},{"v":null},{}]}"#)
                == .decimal(ExactDecimal("0.30")))
        #expect(
            try evaluate(source, .decimal, detail: #"{"e":[{"v":1},{"v":"x"}]}"#)
                == mismatch(#""x""#))
    }

    @Test("counts, and collects many values as JSON")
    func countsAndCollections() throws {
        let every = try JSONPointer("/e/*/v", wildcards: true)
        let detail = #"{"e":[{"v":1},{},{"v":"b"}]}"#
        #expect(try evaluate(.count(every), .integer, detail: detail) == .integer("2"))
        #expect(try evaluate(.count(every), .integer, header: detail) == .null)
        #expect(
            try evaluate(.value(every), .json, detail: detail) == .json(Array(#"[1,"b"]"#.utf8)))
    }

    @Test("refuses mappings that contradict themselves")
    func problems() throws {
        let every = try JSONPointer("/e/*", wildcards: true)
        let bad: [ColumnMapping.Column] = [
            .init(name: "", source: .value(.root), type: .text),
            .init(name: "1a", source: .value(.root), type: .text),
            .init(name: "a b", source: .value(.root), type: .text),
            .init(name: "a\"", source: .value(.root), type: .text),
            .init(name: "s", source: .sum(every), type: .text),
            .init(name: "c", source: .count(every), type: .decimal),
            .init(name: "c", source: .count(.root), type: .integer),
            .init(name: "v", source: .value(every), type: .text),
        ]
        for column in bad { #expect(throws: RecordsError.self) { try ColumnMapping([column]) } }
        let good = ColumnMapping.Column(name: "a", source: .value(.root), type: .text)
        #expect(throws: RecordsError.self) { try ColumnMapping([good, good]) }
    }

    @Test("has a signature that changes with everything that changes a value, and is pinned")
    func signature() throws {
        let pointer = try JSONPointer("/a b/*", wildcards: true)
        let column = ColumnMapping.Column(name: "a", source: .sum(pointer), type: .decimal)
        #expect(
            try ColumnMapping([column]).signature == "columns 1\na decimal both 1 sum 6:/a b/*\n")
        let variants: [ColumnMapping.Column] = [
            column,
            .init(name: "b", source: .sum(pointer), type: .decimal),
            .init(name: "a", source: .value(pointer), type: .json),
            .init(name: "a", source: .sum(pointer), type: .decimal, origin: .detail),
            .init(name: "a", source: .sum(pointer), type: .decimal, notation: .comma),
            .init(name: "a", source: .sum(.root), type: .decimal),
        ]
        #expect(Set(try variants.map { try ColumnMapping([$0]).signature }).count == variants.count)
    }
}
