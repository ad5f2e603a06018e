import ArgumentParser
import EventLog
import Projections
import ReadModels
import Records
import SyncCore

extension ReportCommand {
    struct Expenses: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add up the amounts of the records, exactly, in groups.",
            discussion: """
                Which column is the amount, and which one the date, says report: in the \
                configuration. A day is the one that the date's text shows; weeks are those of \
                ISO 8601. Records without a date, or without an amount yet, are told too, so that \
                all groups together are what status shows.

                With --compare each group before, after, and the difference.

                Example: ossync report expenses --by status
                Example: ossync report expenses --by month --plot
                Example: ossync report expenses --by customer --compare now-7d --top 10
                Example: ossync report expenses --by week --at 2026-11-24 --svg weeks.svg
                """)

        @Option(
            help: ArgumentHelp(
                "day, week or month, or a column such as status.", valueName: "group"))
        var by: String

        @OptionGroup var moment: MomentOptions

        @Option(
            help: ArgumentHelp(
                "Compare with how it was then; a point that lies before --at.", valueName: "point"))
        var compare: String?

        @OptionGroup var rows: RowOptions

        @OptionGroup var report: ReportOptions

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            try report.check(global)
            try CommandFailure.whileParsing { _ = try compare.map { try Point($0) } }
        }

        func run() throws {
            let session = try Session(global)
            let question = try ExpenseQuestion(by, session.configuration)
            let log = try session.openLog()
            let now = try moment.point.map { try session.control(at: $0, log) }
            let then = try compare.map { try session.control(at: Point($0), log) }
            if let then, let now, then.position > now.position {
                throw CommandFailure(
                    ExitCode.usage,
                    "--compare @\(then.position.rawValue) lies after --at "
                        + "@\(now.position.rawValue)",
                    hint: "--compare is the earlier of the two points")
            }
            let before = try then.map { try Self.fold(question, session, log, at: $0) }
            let after = try Self.fold(question, session, log, at: now)
            let isForPeople = self.report.isForPeople(global)
            let expenses = ExpenseReport(
                after.fold, before: before?.fold,
                atMost: rows.most(isForPeople: isForPeople))
            try self.report.print(
                ExpenseListing(
                    question: question, report: expenses, position: after.position, at: now?.time,
                    compared: then.map { ($0.position, $0.time) }),
                to: session.output)
        }

        private typealias Folded = (fold: ExpenseFold, position: Position)

        /// - Parameter past: the state that is told about; nil for now.
        private static func fold(
            _ question: ExpenseQuestion, _ session: Session, _ log: EventLog, at past: ControlState?
        ) throws -> Folded {
            guard let past else {
                return try session.recordProjector(question.stream, log).read {
                    try fold(question, $0)
                }
            }
            return try session.readPast(at: past, log) { try fold(question, $0) }
        }

        private static func fold(
            _ question: ExpenseQuestion, _ reader: borrowing ProjectionReader
        ) throws -> Folded {
            var fold = question.emptyFold
            try reader.forEachRow { view in
                fold.take(view)
                return true
            }
            return (fold, reader.position)
        }
    }
}

/// What is asked for: which columns are added up and grouped by.
struct ExpenseQuestion {
    let stream: String
    let by: String
    let amount: String
    /// Nil where no date is asked for.
    let date: String?
    let emptyFold: ExpenseFold

    /// - Throws: exit 2 for a column that isn't there, or doesn't fit.
    init(_ by: String, _ configuration: Configuration) throws {
        let configured = try configuration.stream()
        let mapping = try configuration.mapping(configured)
        let names = mapping.columns.map(\.name)
        let place = configuration.files.first ?? ConfigurationLoader.fileName
        let report = configuration.report
        guard
            let amount = mapping.columns.firstIndex(where: {
                $0.name == report.amount && $0.type == .decimal
            })
        else {
            throw CommandFailure(
                ExitCode.usage,
                "\(configured.name) has no decimal column \(report.amount) to add up",
                hint: "set report.amount in \(place)"
                    + Self.choice(mapping) { $0 == .decimal })
        }
        stream = configured.name
        self.by = by
        self.amount = report.amount
        let grouping: ExpenseGrouping
        if let unit = CalendarUnit(rawValue: by) {
            guard let date = report.date, let index = names.firstIndex(of: date) else {
                throw CommandFailure(
                    ExitCode.usage, "--by \(by) needs to know which column is the date",
                    hint: "set report.date in \(place)"
                        + Self.choice(mapping) { $0 == .date || $0 == .datetime })
            }
            self.date = date
            grouping = .calendar(unit, column: index)
        } else if let index = names.firstIndex(of: by) {
            date = nil
            grouping = .column(index)
        } else {
            let known = CalendarUnit.allCases.map(\.rawValue) + names
            throw CommandFailure(
                ExitCode.usage, "--by \(by): there is no such column of \(configured.name)",
                hint: NearestKey.find(by, among: known).map { "did you mean \"\($0)\"?" }
                    ?? "there are \(known.joined(separator: ", "))")
        }
        emptyFold = ExpenseFold(mapping, grouping, amount: amount)
    }

    /// Which columns could be meant, as the end of a hint.
    private static func choice(_ mapping: ColumnMapping, _ fits: (ColumnType) -> Bool) -> String {
        let names = mapping.columns.filter { fits($0.type) }.map(\.name)
        return names.isEmpty
            ? ", and the column under columns" : " to one of \(names.joined(separator: ", "))"
    }
}
