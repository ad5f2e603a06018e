import ArgumentParser
import EventLog
import Projections
import SyncCore

extension LogCommand {
    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count events by kind, stream, and what requests came to.",
            discussion: """
                Bytes are what the events take in the log.

                Example: ossync log stats --since now-1d
                """)

        @OptionGroup(title: "Which events") var filter: EventFilterOptions

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let (counts, control) = try session.readHistory(log) { history in
                (try history.count(try filter.resolved(history)), history.control)
            }
            let report = StatsReport(counts: counts, control: control)
            if session.output.isJSON {
                session.output.line(report.json.line)
            } else {
                for line in report.words { session.output.line(line) }
            }
        }
    }
}

private struct StatsReport {
    let counts: EventCounts
    let control: ControlState

    private var types: [(name: String, count: EventCounts.Count)] {
        counts.types.map { ($0.key.name, $0.value) }
            .sorted { ($0.count.events, $1.name) > ($1.count.events, $0.name) }
    }

    private var answers: [(endpoint: Endpoint, status: UInt16, events: UInt64)] {
        counts.answers.map { ($0.key.endpoint, $0.key.status, $0.value.events) }
            .sorted { ($0.endpoint.rawValue, $0.status) < ($1.endpoint.rawValue, $1.status) }
    }

    private var streams: [(name: String, count: EventCounts.Count)] {
        control.streams.compactMap { stream in counts.streams[stream.id].map { (stream.name, $0) } }
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "stats"), ("events", .number(counts.total.events)),
            ("bytes", .number(counts.total.bytes)),
            ("first", .optional(counts.first?.rfc3339())),
            ("last", .optional(counts.last?.rfc3339())),
            ("position", .number(control.position.rawValue)),
            ("kinds", .object(types.map { ($0.name, json($0.count)) })),
            ("streams", .object(streams.map { ($0.name, json($0.count)) })),
            (
                "answers",
                .array(
                    answers.map { answer in
                        .object([
                            ("endpoint", .string(answer.endpoint.name)),
                            ("status", answer.status == 0 ? .null : .number(answer.status)),
                            ("events", .number(answer.events)),
                        ])
                    })
            ),
        ])
    }

    private func json(_ count: EventCounts.Count) -> JSONText {
        .object([("events", .number(count.events)), ("bytes", .number(count.bytes))])
    }

    var words: [String] {
        var lines = [
            "\(counts.total.events.grouped) events, \(counts.total.bytes.grouped) bytes"
        ]
        if let first = counts.first, let last = counts.last {
            lines.append("from \(first.toTheSecond) to \(last.toTheSecond)")
        }
        for (name, count) in types {
            lines.append(
                "\(name.padded(to: 17)) \(count.events.grouped.aligned(to: 12)) events "
                    + "\(count.bytes.grouped.aligned(to: 15)) bytes")
        }
        for (name, count) in streams {
            lines.append(
                "stream \(name.withoutControls.padded(to: 10)) "
                    + "\(count.events.grouped.aligned(to: 12)) events "
                    + "\(count.bytes.grouped.aligned(to: 15)) bytes")
        }
        for answer in answers {
            let status = answer.status == 0 ? "none" : String(answer.status)
            lines.append(
                "\(answer.endpoint.name.padded(to: 12)) \(status.padded(to: 4)) "
                    + "\(answer.events.grouped.aligned(to: 12)) answers")
        }
        return lines
    }
}
