import Projections
import ReadModels
import SyncCore

/// The metrics that grow over the life of a store: sums over its log, which survive restarts,
/// rebuilds and compactions.
struct LogMetrics {
    private let control: ControlState
    private let totals: LogTotals

    init(_ control: ControlState, _ totals: LogTotals) {
        self.control = control
        self.totals = totals
    }

    var families: [MetricFamily] { [requests, durations, waits, records, runs, successes] }

    private func stream(_ id: StreamID) -> MetricFamily.Label {
        .stream(id == .none ? "" : control[id].name)
    }

    private var requests: MetricFamily {
        var family = MetricFamily(
            "ossync_api_requests_total", .counter,
            "Requests by what came of them: an HTTP status, none without a response, abandoned "
                + "where the engine was gone before one could come.")
        let answers = totals.answers.sorted {
            ($0.key.stream, $0.key.endpoint.rawValue, $0.key.code)
                < ($1.key.stream, $1.key.endpoint.rawValue, $1.key.code)
        }
        for (answer, count) in answers {
            family.add(
                MetricValue(count), .endpoint(answer.endpoint), .init("code", answer.code),
                stream(answer.stream))
        }
        return family
    }

    private var durations: MetricFamily {
        var family = MetricFamily(
            "ossync_api_request_duration_seconds", .histogram,
            "From the first byte of a request to the last one of its answer, or to its failure.")
        let calls = totals.durations.sorted {
            ($0.key.stream, $0.key.endpoint.rawValue) < ($1.key.stream, $1.key.endpoint.rawValue)
        }
        for (call, durations) in calls {
            family.add(durations, .endpoint(call.endpoint), stream(call.stream))
        }
        return family
    }

    private var waits: MetricFamily {
        var family = MetricFamily(
            "ossync_rate_limit_wait_seconds_total", .counter,
            "Time in which a request was held back: by our own limits (budget), after a refusal "
                + "(cooldown), after failures of the API (failure).")
        for reason in WaitReason.allCases {
            family.add(
                MetricValue(ns: totals.waitNs[reason] ?? 0), .init("reason", reason.name))
        }
        return family
    }

    private var records: MetricFamily {
        var family = MetricFamily(
            "ossync_records_synced_total", .counter,
            "Records that were stored: new or changed headers, and details.")
        for stream in control.streams {
            let records = totals.records[stream.id]
            for (phase, count) in [("headers", records?.headers), ("details", records?.details)] {
                family.add(MetricValue(count ?? 0), .init("phase", phase), .stream(stream.name))
            }
        }
        return family
    }

    private var runs: MetricFamily {
        var family = MetricFamily(
            "ossync_runs_total", .counter, "Invocations that ended, by how they did.")
        let runs = totals.runs.sorted {
            ($0.key.stream, $0.key.mode.rawValue, $0.key.outcome.rawValue)
                < ($1.key.stream, $1.key.mode.rawValue, $1.key.outcome.rawValue)
        }
        for (run, count) in runs {
            family.add(
                MetricValue(count), .init("mode", run.mode.name),
                .init("outcome", run.outcome.name), stream(run.stream))
        }
        return family
    }

    private var successes: MetricFamily {
        var family = MetricFamily(
            "ossync_last_success_timestamp_seconds", .gauge,
            "When the last run of a mode was completed, as Unix time.")
        let successes = totals.successes.sorted {
            ($0.key.stream, $0.key.mode.rawValue) < ($1.key.stream, $1.key.mode.rawValue)
        }
        for (sync, time) in successes {
            family.add(
                MetricValue(ns: time.rawValue), .init("mode", sync.mode.name),
                stream(sync.stream))
        }
        return family
    }
}

extension LogTotals.Answer {
    fileprivate var code: String {
        switch status {
        case nil: "abandoned"
        case 0: "none"
        case let status?: String(status)
        }
    }
}

extension MetricFamily.Label {
    static func stream(_ name: String) -> Self { Self("stream", name.withoutControls) }

    fileprivate static func endpoint(_ endpoint: Endpoint) -> Self {
        Self("endpoint", endpoint.name)
    }
}
