import ArgumentParser
import EventLog
import Projections
import SyncCore

extension ProjectionsCommand {
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fold the log anew and compare what is stored with it, row by row.",
            discussion: """
                Compares the rows of each stream's projection, and the core rows that decisions \
                are made by; names the first record that differs, and the first event that its \
                row doesn't show. Exit 12 when anything differs.

                Example: ossync projections verify
                """)

        @Argument(
            help: "The projection's name, for example os; all by default.",
            completion: .projections)
        var name: String?

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            if let name { try checkName(name, session, log) }
            var isClean = true
            var count = 0
            for stream in session.configuration.streams where name == nil || name == stream.name {
                guard let projector = try session.projector(stream.name, log: log) else { continue }
                let progress = FoldProgress(session.output, stream.name)
                let found = try projector.verify { progress.tell($0, $1) }
                progress.end()
                guard let found else { throw ProjectionsCommand.busy }
                count += 1
                isClean = isClean && found.isClean
                let report = Report(name: stream.name, found: found)
                if session.output.isJSON {
                    session.output.line(report.json.line)
                } else {
                    for line in report.words { session.output.line(line) }
                }
            }
            if session.output.isJSON {
                session.output.line(
                    JSONText.object([
                        ("v", .number(1)), ("type", "summary"),
                        ("exitCode", .number(isClean ? 0 : ExitCode.corrupt)),
                        ("ok", .literal(String(isClean))), ("projections", .number(count)),
                    ]).line)
            }
            if !isClean { throw CommandFailure.silent(ExitCode.corrupt) }
        }

        private func checkName(_ name: String, _ session: Session, _ log: EventLog) throws {
            _ = try session.projection(name, log)
            guard name == HistoryProjection.name else { return }
            throw CommandFailure(
                ExitCode.usage, "\(name) has no rows to compare: each of its values has a checksum",
                hint: "`ossync projections rebuild \(name)` makes it anew")
        }
    }
}

private struct Report {
    let name: String
    let found: ProjectionVerification

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "verification"), ("projection", .string(name)),
            ("ok", .literal(String(found.isClean))), ("rows", .number(found.rows)),
            ("position", .number(found.position.rawValue)),
            ("rowsDiffer", json(found.projection, found.projectionDifference)),
            ("coreRowsDiffer", json(found.core, found.coreDifference)),
            (
                "total",
                .object([
                    ("stored", .string(found.storedTotal)), ("folded", .string(found.madeTotal)),
                    ("earlierDiffer", .number(found.totalsDiffer)),
                ])
            ),
        ])
    }

    private func json(
        _ rows: RowComparison, _ first: ProjectionVerification.Difference?
    ) -> JSONText {
        .object([
            ("missing", .number(rows.added)), ("extra", .number(rows.removed)),
            ("changed", .number(rows.changed)),
            ("firstRecord", .optional(first?.id?.text)),
            ("firstPosition", first?.position.map { .number($0.rawValue) } ?? .null),
        ])
    }

    var words: [String] {
        if found.isClean {
            return [
                "\(name): \(found.rows.grouped) rows are what the events make of them, at position "
                    + found.position.rawValue.grouped
            ]
        }
        var lines: [String] = []
        lines += words("rows", found.projection, found.projectionDifference)
        lines += words("core rows", found.core, found.coreDifference)
        if found.totalsDiffer > 0 {
            lines.append(
                "\(name): after \(found.totalsDiffer.grouped) events another total is stored")
        }
        if found.storedTotal != found.madeTotal {
            lines.append(
                "\(name): the total is \(found.storedTotal), the events make \(found.madeTotal)"
            )
        }
        if found.core.isEqual {
            lines.append("mend it with `ossync projections rebuild \(name)`")
        } else {
            lines.append("the store is damaged: see `ossync log verify`")
        }
        return lines
    }

    private func words(
        _ what: String, _ rows: RowComparison, _ first: ProjectionVerification.Difference?
    ) -> [String] {
        guard !rows.isEqual else { return [] }
        var text =
            "\(name): of the \(what) \(rows.added.grouped) are missing, "
            + "\(rows.removed.grouped) too many, \(rows.changed.grouped) other ones"
        if let first {
            text += "; the first is that of record \(first.id?.text.withoutControls ?? "?")"
            text +=
                first.position.map { ", which doesn't show the event @\($0.rawValue)" }
                ?? ", which no event made"
        }
        return [text]
    }
}
