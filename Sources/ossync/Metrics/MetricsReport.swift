import EventLog
import LMDB
import Projections
import ReadModels
import SyncCore
import SyncEngine

/// What `metrics` prints: counters from the log's beginning on, and how things stand now.
struct MetricsReport {
    let families: [MetricFamily]
    /// The end of the log that they are of.
    private let position: Position

    init(_ session: Session) throws {
        let log = try session.openLog()
        let (control, totals) = try session.readHistory(log) { ($0.control, $0.totals) }
        position = control.position
        let logBytes = FileSystem.size("\(session.folder.path)/log/data.mdb") ?? 0
        families =
            LogMetrics(control, totals).families
            + StateMetrics(control, isRunning: session.isRunning(control)).families + [
                Self.budget(BudgetReport(now: control, session.configuration.limitPolicy)),
                Self.lag(try session.projections(log), end: control.position),
                .gauge(
                    "ossync_log_last_position", "The position of the log's last event.",
                    MetricValue(control.position.rawValue)),
                .gauge(
                    "ossync_log_store_bytes",
                    "Size of the log's file, without what was moved to the archive.",
                    MetricValue(logBytes)), Self.buildInfo,
            ]
    }

    /// The exposition that Prometheus reads.
    var text: String { ExpositionText.render(families) }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "metrics"), ("position", .number(position.rawValue)),
            ("metrics", .array(families.filter { !$0.samples.isEmpty }.map(Self.json))),
        ])
    }

    private static func json(_ family: MetricFamily) -> JSONText {
        .object([
            ("name", .string(family.name)), ("type", .string(family.kind.rawValue)),
            ("help", .string(family.help)),
            (
                "samples",
                .array(
                    family.samples.map { sample in
                        .object([
                            ("name", .string(sample.name)),
                            (
                                "labels",
                                .object(sample.labels.map { ($0.name, .string($0.value)) })
                            ), ("value", .literal(sample.value.text)),
                        ])
                    })
            ),
        ])
    }

    private static func budget(_ budget: BudgetReport) -> MetricFamily {
        var family = MetricFamily(
            "ossync_rate_budget_remaining", .gauge,
            "Requests that a window of the limits still admits now.")
        for (window, requests) in budget.remaining {
            family.add(MetricValue(requests), .init("window", window.withoutControls))
        }
        return family
    }

    /// One that has to be made anew is as far behind as can be.
    private static func lag(
        _ projections: [any MaintainedProjection], end: Position
    ) -> MetricFamily {
        var family = MetricFamily(
            "ossync_projection_lag_events", .gauge,
            "Events of the log that a projection on the disk lacks; the history takes whole "
                + "segments of 16,384.")
        for projection in projections {
            let standing = try? projection.standing()
            let reached = standing.map { $0.isStale ? Position.none : $0.position } ?? .none
            family.add(
                MetricValue(end.rawValue - min(reached, end).rawValue),
                .init("projection", projection.name))
        }
        return family
    }

    private static var buildInfo: MetricFamily {
        var family = MetricFamily(
            "ossync_build_info", .gauge, "The program's version, and the log format it writes.")
        family.add(
            MetricValue(1), .init("version", Version.text),
            .init("log_format", String(LogSchema.format)))
        return family
    }
}

extension MetricFamily {
    fileprivate static func gauge(
        _ name: String, _ help: String, _ value: MetricValue
    ) -> MetricFamily {
        var family = MetricFamily(name, .gauge, help)
        family.add(value)
        return family
    }
}
