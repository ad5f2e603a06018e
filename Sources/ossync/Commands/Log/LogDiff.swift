import ArgumentParser
import EventLog
import Projections
import Records
import SyncCore

extension LogCommand {
    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what differs between the states at two points.",
            discussion: """
                Records that came or are gone, columns that changed, entries of the queue, and \
                counters. Exit 0 whether or not anything differs.

                Example: ossync log diff r4711 now --json
                Example: ossync log diff @1000 @2000
                """)

        @Argument(help: "The one point: a position (@4711), a time, a run (r4711) or now-1h.")
        var a: String

        @Argument(help: "The other point.")
        var b: String

        @OptionGroup var global: GlobalOptions

        /// So many records are made as they were one by one sooner than all of them: one takes some
        /// thousandths of what folding the log takes, however long that is.
        private static let mostMade = 1_024

        func validate() throws {
            try CommandFailure.whileParsing { _ = try (Point(a), Point(b)) }
        }

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let before = try session.control(at: Point(a), log)
            let after = try session.control(at: Point(b), log)
            let stream = try session.stream(in: log.snapshot().control())
            let records = try session.recordProjector(stream.name, log)
            var report = LogDiffReport(session.output, stream.name, records.projection.mapping)
            if let few = try fewRecords(before, after, stream.id, records.projection, session, log)
            {
                let totals = try records.read {
                    (try $0.total(at: before.position), try $0.total(at: after.position))
                }
                report.compareCounters(
                    StateValues(before, stream.name, total: totals.0),
                    StateValues(after, stream.name, total: totals.1))
                for record in few { report.compare(record.old, record.new) }
            } else {
                try compareAll(before, after, &report, session, log)
            }
            report.end(before.position, after.position)
        }

        /// The records that changed, as they were at both points; nil where these are many.
        private func fewRecords(
            _ before: ControlState, _ after: ControlState, _ stream: StreamID,
            _ projection: RecordProjection, _ session: Session, _ log: EventLog
        ) throws -> [(old: RecordView?, new: RecordView?)]? {
            try session.readHistory(log) { history in
                let changed = try history.changed(
                    in: stream, after: min(before.position, after.position),
                    through: max(before.position, after.position), atMost: Self.mostMade)
                return try changed?.map { ordinal in
                    (
                        try history.record(
                            ordinal, of: projection, in: stream, at: before.position),
                        try history.record(ordinal, of: projection, in: stream, at: after.position)
                    )
                }
            }
        }

        /// Compares all records as they were, once both states are folded anew.
        private func compareAll(
            _ before: ControlState, _ after: ControlState, _ report: inout LogDiffReport,
            _ session: Session, _ log: EventLog
        ) throws {
            try session.readPast(at: before, log) { old in
                try session.readPast(at: after, log) { new in
                    let stream = old.projection.name
                    report.compareCounters(
                        StateValues(before, stream, total: old.total),
                        StateValues(after, stream, total: new.total))
                    // Records are never gone, so the later state has all of them.
                    if before.position <= after.position {
                        try new.forEachRow { row in
                            report.compare(try old.row(row.core.ordinal), row)
                            return true
                        }
                    } else {
                        try old.forEachRow { row in
                            report.compare(row, try new.row(row.core.ordinal))
                            return true
                        }
                    }
                }
            }
        }
    }
}
