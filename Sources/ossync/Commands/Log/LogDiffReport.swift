import EventLog
import Projections
import Records
import SyncCore

/// Prints differences as they are found, and counts them.
struct LogDiffReport {
    private let output: Output
    private let stream: String
    private let mapping: ColumnMapping
    private var counts = (added: UInt64(0), removed: UInt64(0), changed: UInt64(0))
    private var counters: UInt64 = 0

    /// - Parameter stream: its name.
    init(_ output: Output, _ stream: String, _ mapping: ColumnMapping) {
        self.output = output
        self.stream = stream
        self.mapping = mapping
    }

    // MARK: Counters

    mutating func compareCounters(_ before: StateValues, _ after: StateValues) {
        for (name, _) in StateValues.names {
            guard let old = try? before.value(name), let new = try? after.value(name), old != new
            else { continue }
            counters += 1
            if output.isJSON {
                output.line(
                    JSONText.object([
                        ("v", .number(1)), ("type", "counter"), ("name", .string(name)),
                        ("before", old.json), ("after", new.json),
                    ]).line)
            } else {
                output.line("~ \(name.padded(to: 24)) \(old.words) -> \(new.words)")
            }
        }
    }

    // MARK: Records

    mutating func compare(_ old: RecordView?, _ new: RecordView?) {
        guard old != new, let view = new ?? old else { return }
        let columns = mapping.columns.map(\.name)
        let before = old?.columns(mapping)
        let after = new?.columns(mapping)
        let changed = columns.indices.filter { index in
            before.map { $0[index] } != after.map { $0[index] }
        }
        let (states, errors) = (
            (old?.core.state.name, new?.core.state.name), (old?.core.error, new?.core.error)
        )
        let dues = (old?.core.nextAttempt, new?.core.nextAttempt)
        let change = old == nil ? "added" : new == nil ? "removed" : "changed"
        // A request that is on its way changes a row, but nothing that anybody sees of it.
        if change == "changed", changed.isEmpty, states.0 == states.1, errors.0 == errors.1,
            old?.core.headerPosition == new?.core.headerPosition,
            old?.core.detailPosition == new?.core.detailPosition,
            old?.core.attempts == new?.core.attempts,
            old?.core.attemptedAt == new?.core.attemptedAt, dues.0 == dues.1
        {
            return
        }
        count(change)
        guard output.isJSON else {
            let sign = ["added": "+", "removed": "-", "changed": "~"][change] ?? "~"
            var line = "\(sign) \(view.core.id.text)"
            if states.0 != states.1 {
                line += "  \(states.0 ?? "nothing") -> \(states.1 ?? "nothing")"
            }
            output.line(line.withoutControls)
            guard change == "changed" else { return }
            if dues.0 != dues.1 {
                let (old, new) = (dues.0?.rfc3339() ?? "", dues.1?.rfc3339() ?? "")
                output.line("    next attempt: \(old) -> \(new)")
            }
            for index in changed {
                let (old, new) = (before?[index].json.line ?? "", after?[index].json.line ?? "")
                output.line("    \(columns[index]): \(old) -> \(new)".withoutControls)
            }
            return
        }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "record"), ("id", .string(view.core.id.text)),
                ("change", .string(change)),
                (
                    "columns",
                    .array(
                        changed.map { index in
                            .object([
                                ("name", .string(columns[index])),
                                ("before", before.map { $0[index].json } ?? .null),
                                ("after", after.map { $0[index].json } ?? .null),
                            ])
                        })
                ),
                ("state", pair(states.0.map { .string($0) }, states.1.map { .string($0) })),
                (
                    "error",
                    pair(
                        errors.0.map { .string($0.text.withoutControls) },
                        errors.1.map { .string($0.text.withoutControls) })
                ),
                (
                    "attempts",
                    pair(
                        old.map { .number($0.core.attempts) },
                        new.map { .number($0.core.attempts) })
                ),
                (
                    "nextAttemptAt",
                    pair(
                        dues.0.map { .string($0.rfc3339()) }, dues.1.map { .string($0.rfc3339()) })
                ),
                (
                    "attemptedAt",
                    pair(
                        old?.core.attemptedAt.map { .string($0.rfc3339()) },
                        new?.core.attemptedAt.map { .string($0.rfc3339()) })
                ),
                (
                    "headerPosition",
                    pair(
                        old.map { .number($0.core.headerPosition.rawValue) },
                        new.map { .number($0.core.headerPosition.rawValue) })
                ),
                (
                    "detailPosition",
                    pair(
                        old.map { .number($0.core.detailPosition.rawValue) },
                        new.map { .number($0.core.detailPosition.rawValue) })
                ),
            ]).line)
    }

    private mutating func count(_ change: String) {
        switch change {
        case "added": counts.added += 1
        case "removed": counts.removed += 1
        default: counts.changed += 1
        }
    }

    private func pair(_ before: JSONText?, _ after: JSONText?) -> JSONText {
        .object([("before", before ?? .null), ("after", after ?? .null)])
    }

    // MARK: The end

    func end(_ before: Position, _ after: Position) {
        guard output.isJSON else {
            output.line(
                "@\(before.rawValue) to @\(after.rawValue): \(counts.added.grouped) records came, "
                    + "\(counts.removed.grouped) are gone, \(counts.changed.grouped) changed; "
                    + "\(counters.grouped) counters differ")
            return
        }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "summary"), ("stream", .string(stream)),
                ("exitCode", .number(0)), ("before", .number(before.rawValue)),
                ("after", .number(after.rawValue)), ("added", .number(counts.added)),
                ("removed", .number(counts.removed)), ("changed", .number(counts.changed)),
                ("counters", .number(counters)),
            ]).line)
    }
}
