import SyncCore
import SyncEngine

/// An estimate of what runs would have been, beside what they were.
struct WhatIfReport {
    let whatIf: WhatIf
    let change: PolicyChange
    let first: Position
    let last: Position

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
            ("estimate", .literal("true")), ("set", .array(change.texts.map { .string($0) })),
            ("first", .number(first.rawValue)), ("last", .number(last.rawValue)),
            ("recorded", json(whatIf.recorded)), ("estimated", json(whatIf.estimated)),
            ("assumptions", .array(whatIf.assumptions.map { .string($0) })),
        ])
    }

    private func json(_ figures: WhatIf.Figures) -> JSONText {
        let counters = figures.counters
        return .object([
            ("invocations", .number(figures.invocations)),
            ("completed", .number(figures.completed)),
            ("durationSeconds", .seconds(ns: figures.durationNs)),
            (
                "requests",
                .object([
                    ("list", .number(counters.listRequests)),
                    ("detail", .number(counters.detailRequests)),
                    ("other", .number(counters.otherRequests)),
                    ("total", .number(counters.requests)),
                ])
            ), ("rateLimited", .number(counters.rateLimited)),
            ("detailed", .number(counters.detailed)), ("failed", .number(counters.failed)),
        ])
    }

    var words: [String] {
        let (was, would) = (whatIf.recorded, whatIf.estimated)
        func line(_ name: String, _ values: (WhatIf.Figures) -> String) -> String {
            name.padded(to: 14) + " " + values(was).padded(to: 14) + " " + values(would)
        }
        return [
            "an estimate: @\(first.rawValue) to @\(last.rawValue) with "
                + change.texts.joined(separator: ", "),
            "".padded(to: 14) + " " + "it was".padded(to: 14) + " it would be",
            line("runs") { "\($0.invocations) (\($0.completed) completed)" },
            line("duration") { TimeSpan.text(seconds: $0.durationNs / .nsPerSecond) },
            line("list requests") { $0.counters.listRequests.grouped },
            line("detail requests") { $0.counters.detailRequests.grouped },
            line("429s") { $0.counters.rateLimited.grouped },
            line("with details") { $0.counters.detailed.grouped },
            line("given up") { $0.counters.failed.grouped },
        ] + whatIf.assumptions.map { "assumed: \($0)" }
    }
}
