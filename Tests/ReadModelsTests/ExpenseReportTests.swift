import Projections
import ReadModels
import Records
import SyncCore
import Testing

@Suite struct ExpenseReportTests {
    private func mapping() throws -> ColumnMapping {
        let columns: [(String, ColumnType)] = [
            ("status", .text), ("opened_at", .datetime), ("amount", .decimal),
        ]
        return try ColumnMapping(
            try columns.map { name, type in
                ColumnMapping.Column(
                    name: name, source: .value(try JSONPointer("/\(name)")), type: type)
            })
    }

    private func row(
        _ status: ColumnValue, _ date: ColumnValue, _ amount: ColumnValue
    ) -> RecordView {
        RecordView(
            core: RecordRow(
                ordinal: Ordinal(0), id: RecordID("1"),
                headerFingerprint: Fingerprint(high: 1, low: 1), headerPosition: Position(8),
                generation: 1),
            fromHeader: [status, date, amount])
    }

    private func decimal(_ text: String) throws -> ColumnValue { .decimal(try ExactDecimal(text)) }

    private func fold(_ grouping: ExpenseGrouping, _ rows: [RecordView]) throws -> ExpenseFold {
        var fold = ExpenseFold(try mapping(), grouping, amount: 2)
        for row in rows { fold.take(row) }
        return fold
    }

    private func keys(_ report: ExpenseReport) -> [ExpenseKey?] { report.rows.map(\.key) }

    @Test func amountsAreAddedExactlyAndEveryRecordIsInAGroup() throws {
        let report = ExpenseReport(
            try fold(
                .column(0),
                [
                    row(.text("open"), .null, try decimal("0.1")),
                    row(.text("open"), .null, try decimal("0.2")),
                    row(.text("done"), .null, try decimal("99999999999999999999999999999999.01")),
                    row(.null, .null, try decimal("1")),
                    row(.text("done"), .null, .null),
                    row(.mismatch(Array("[]".utf8)), .null, .mismatch(Array("{}".utf8))),
                ]))
        #expect(keys(report) == [.value("done"), .value("open")])
        #expect(report.rows[0].figures.total.description == "99999999999999999999999999999999.01")
        #expect(report.rows[0].figures.withoutAmount == 1)
        #expect(report.rows[1].figures.total.description == "0.3")
        #expect(report.leftOver.map(\.key) == [.missing, .unreadable])
        #expect(report.leftOver[1].figures.unreadable == 1)
        #expect(report.total.figures.records == 6)
        #expect(report.total.figures.amounts == 4)
        #expect(report.total.figures.total.description == "100000000000000000000000000000000.31")
        #expect(report.rest == nil)
    }

    @Test func daysWeeksAndMonthsComeInTheirOrderAndOtherDatesApart() throws {
        let rows = [
            row(.null, .text("2026-12-01"), try decimal("1")),
            row(.null, .text("2026-11-30T23:59:59-03:00"), try decimal("2")),
            row(.null, .text("2025-11-30"), try decimal("4")),
            row(.null, .null, try decimal("8")),
            row(.null, .text("30/11/2026"), try decimal("16")),
            row(.null, .mismatch(Array("5".utf8)), try decimal("32")),
        ]
        func labels(_ unit: CalendarUnit) throws -> [String] {
            ExpenseReport(try fold(.calendar(unit, column: 1), rows)).rows.map { row in
                if case .period(let number) = row.key { unit.label(number) } else { "" }
            }
        }
        #expect(try labels(.day) == ["2025-11-30", "2026-11-30", "2026-12-01"])
        #expect(try labels(.week) == ["2025-W48", "2026-W49"])
        #expect(try labels(.month) == ["2025-11", "2026-11", "2026-12"])
        let report = ExpenseReport(try fold(.calendar(.month, column: 1), rows))
        #expect(report.leftOver.map(\.figures.total.description) == ["8", "48"])
        #expect(report.total.figures.total.description == "63")
    }

    @Test func whatIsBeyondTheMostIsSummedUp() throws {
        var rows: [RecordView] = []
        for number in 1...10 {
            rows.append(
                row(.text("s\(number)"), .text("2026-01-\(9 + number)"), try decimal("\(number)")))
        }
        rows.append(row(.null, .null, try decimal("100")))
        let values = ExpenseReport(try fold(.column(0), rows), atMost: 3)
        #expect(keys(values) == [.value("s10"), .value("s9"), .value("s8")])
        #expect(values.rest?.groups == 7)
        #expect(values.rest?.figures.total.description == "28")
        #expect(values.leftOver.count == 1)
        #expect(values.total.figures.total.description == "155")
        let days = ExpenseReport(try fold(.calendar(.day, column: 1), rows), atMost: 2)
        // The latest ones, though others may be greater.
        #expect(days.rows.map(\.figures.total.description) == ["9", "10"])
        #expect(days.rest?.groups == 8)
        #expect(days.rest?.figures.total.description == "36")
    }

    @Test func comparedGroupsHaveWhatWasAndWhatChanged() throws {
        let before = try fold(
            .column(0),
            [
                row(.text("gone"), .null, try decimal("7.5")),
                row(.text("same"), .null, try decimal("100")),
                row(.text("less"), .null, try decimal("20")),
            ])
        let after = try fold(
            .column(0),
            [
                row(.text("same"), .null, try decimal("100")),
                row(.text("less"), .null, try decimal("0.25")),
                row(.text("new"), .null, try decimal("1")),
            ])
        let report = ExpenseReport(after, before: before)
        #expect(keys(report) == [.value("less"), .value("gone"), .value("new"), .value("same")])
        let differences = report.rows.map { $0.difference?.description }
        #expect(differences == ["-19.75", "-7.5", "1", "0"])
        #expect(report.total.before?.total.description == "127.5")
        #expect(report.total.difference?.description == "-26.25")
        #expect(report.scale == 2)
        let short = ExpenseReport(after, before: before, atMost: 1)
        #expect(keys(short) == [.value("less")])
        #expect(short.rest?.groups == 3)
        #expect(short.rest?.before?.total.description == "107.5")
        #expect(short.rest?.difference?.description == "-6.5")
    }

    @Test func equalTotalsAreInTheOrderOfTheirNames() throws {
        let names = ["b", "é", "a", "Z", ""]
        let rows = try names.map { row(.text($0), .null, try decimal("1")) }
        let expected: [ExpenseKey?] = ["", "Z", "a", "b", "é"].map { .value($0) }
        #expect(keys(ExpenseReport(try fold(.column(0), rows))) == expected)
        #expect(keys(ExpenseReport(try fold(.column(0), rows.reversed()))) == expected)
    }

    @Test func numbersOfOneValueAreOneGroup() throws {
        let rows = try ["1.5", "1.50", "-2.0", "-2", "100"].map { text in
            row(.text("a"), .null, try decimal(text))
        }
        let report = ExpenseReport(try fold(.column(2), rows))
        #expect(keys(report) == [.number("100"), .number("1.5"), .number("-2")])
        #expect(report.rows.map(\.figures.records) == [1, 2, 2])
    }

    @Test func anySplitIntoGroupsHasTheSameTotal() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<50 {
            var whole = DecimalTotal()
            var rows: [RecordView] = []
            for _ in 0..<(1 + Int(generator.next() % 40)) {
                let digits = String(generator.next() % 1_000_000_000)
                let fraction = String(generator.next() % 100_000).prefix(Int(generator.next() % 5))
                let sign = generator.next() % 3 == 0 ? "-" : ""
                let value = try ExactDecimal(
                    sign + digits + (fraction.isEmpty ? "" : ".\(fraction)"))
                whole.add(value)
                let status: ColumnValue =
                    generator.next() % 5 == 0 ? .null : .text("s\(generator.next() % 6)")
                rows.append(row(status, .null, .decimal(value)))
            }
            let most = 1 + Int(generator.next() % 4)
            let report = ExpenseReport(try fold(.column(0), rows), atMost: most)
            #expect(report.total.figures.total.description == whole.description)
            let lines = report.rows + (report.rest.map { [$0] } ?? []) + report.leftOver
            let sum = lines.reduce(ExactDecimal.zero) { $0 + $1.figures.total }
            #expect(sum == report.total.figures.total)
            #expect(lines.reduce(0) { $0 + $1.figures.records } == UInt64(rows.count))
        }
    }
}
