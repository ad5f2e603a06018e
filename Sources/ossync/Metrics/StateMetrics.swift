import ReadModels
import SyncCore

/// The metrics of how a store stands at the end of its log.
struct StateMetrics {
    private let control: ControlState
    /// Whether the run that is under way has a process.
    private let isRunning: Bool

    init(_ control: ControlState, isRunning: Bool) {
        self.control = control
        self.isRunning = isRunning
    }

    var families: [MetricFamily] { [running, records, queue, alerts] }

    private var running: MetricFamily {
        var family = MetricFamily(
            "ossync_sync_running", .gauge, "Whether a run of the stream is under way.")
        for stream in control.streams {
            let isIts = isRunning && control.invocation?.stream == stream.id
            family.add(MetricValue(isIts ? 1 : 0), .stream(stream.name))
        }
        return family
    }

    private var records: MetricFamily {
        var family = MetricFamily(
            "ossync_records", .gauge, "Records in the store, with and without their details.")
        for stream in control.streams {
            let counts = stream.counts
            for (details, count) in [("with", counts.synced), ("without", counts.withoutDetails)] {
                family.add(MetricValue(count), .init("details", details), .stream(stream.name))
            }
        }
        return family
    }

    private var queue: MetricFamily {
        var family = MetricFamily(
            "ossync_queue_depth", .gauge,
            "Records whose details are to be fetched (pending, retrying), or were given up "
                + "(parked, dropped).")
        for stream in control.streams {
            let counts = stream.counts
            for (state, count) in [
                ("pending", counts.pending), ("retrying", counts.retrying),
                ("parked", counts.parked), ("dropped", counts.dropped),
            ] {
                family.add(MetricValue(count), .init("state", state), .stream(stream.name))
            }
        }
        return family
    }

    /// Of streams that are watched.
    private var alerts: MetricFamily {
        var family = MetricFamily(
            "ossync_alerts_firing", .gauge, "Whether an alert of a stream stands.")
        for stream in control.streams {
            guard let state = stream.alerts else { continue }
            for rule in AlertRule.allCases {
                let isFiring = state.firing.contains { $0.rule == rule }
                family.add(
                    MetricValue(isFiring ? 1 : 0), .init("alert", rule.name), .stream(stream.name))
            }
        }
        return family
    }
}
