import Dashboard

/// Snapshots as a store gives them.
enum Samples {
    static let empty: Snapshot = {
        var snapshot = Snapshot()
        snapshot.stream = "os"
        snapshot.store = "/srv/erp/store"
        snapshot.position = "@0"
        snapshot.clock = "08:00:00Z"
        snapshot.phase = Snapshot.Fact("", "idle")
        snapshot.overview = [
            Snapshot.Fact("records", "0"), Snapshot.Fact("details", "0 with, 0 without"),
        ]
        snapshot.gauges = [Snapshot.Gauge(name: "minute", used: 0, limit: 20, note: "")]
        snapshot.budget = [Snapshot.Fact("next slot", "now")]
        snapshot.pace = Snapshot.Pace(
            requests: Array(repeating: 0, count: 180), refused: Array(repeating: 0, count: 180),
            span: "60 min")
        snapshot.events = Listing(eventColumns, empty: "the log has no events")
        snapshot.errors = Listing(eventColumns, empty: "no errors")
        snapshot.queue = Listing(queueColumns, empty: "nothing waits for its details")
        snapshot.runs = Listing(runColumns, empty: "nothing was synced yet")
        snapshot.projections = Listing(projectionColumns, empty: "none")
        return snapshot
    }()

    /// In the middle of a sync, cooling down after a refusal.
    static let busy: Snapshot = {
        var snapshot = empty
        snapshot.position = "@12,345"
        snapshot.phase = Snapshot.Fact(
            "", "details 4,310/10,000 43% | cooling down 42.1s | ETA 1 h 38 min (18:42Z)", .warning)
        snapshot.progress = Snapshot.Progress(
            done: 4_310, total: 10_000, estimate: "ETA 1 h 38 min (18:42Z)")
        snapshot.overview = [
            Snapshot.Fact("records", "10,000"),
            Snapshot.Fact("details", "4,310 with, 5,690 without"),
            Snapshot.Fact("expenses", "1234567.89 in 4,310 records"),
            Snapshot.Fact(
                "queue", "5,687 pending, 1 retrying, 2 parked, 0 dropped", .warning),
            Snapshot.Fact("run", "r4 incremental: 872 requests, 3 x 429"),
            Snapshot.Fact("error", "rate limited: \u{1B}[31mslow down", .bad),
        ]
        snapshot.gauges = [
            Snapshot.Gauge(name: "minute", used: 20, limit: 20, note: ""),
            Snapshot.Gauge(name: "hour", used: 412, limit: 500, note: "learned; 600 configured"),
        ]
        snapshot.budget = [
            Snapshot.Fact("next slot", "in 42.1s"),
            Snapshot.Fact("cooldown", "42.1s, until 2026-11-24T08:00:42Z", .warning),
            Snapshot.Fact("in flight", "0"),
        ]
        snapshot.pace.requests = (0..<180).map { UInt64($0 < 60 ? 0 : ($0 * 7) % 8) }
        snapshot.pace.refused[170] = 2
        snapshot.pace.refused[179] = 1
        snapshot.events.rows = (0..<60).map { index in
            Listing.Row(
                [
                    "@\(12_345 - index)", "2026-11-24T07:59:\(59 - index / 2)Z", "r4",
                    index == 3 ? "RateLimited" : "DetailsFetched",
                    index == 3
                        ? "refused with 429: wait 60000 ms (retryAfter)"
                        : "details of 5 of 5, 日本語 and e\u{301}, number \(index)",
                ], tone: index == 3 ? .warning : .plain)
        }
        snapshot.errors.rows = [
            Listing.Row(
                [
                    "@12,342", "2026-11-24T07:59:58Z", "r4", "RateLimited",
                    "refused with 429: wait 60000 ms (retryAfter)",
                ], tone: .warning)
        ]
        snapshot.errors.note = "of the last 200,000 events"
        snapshot.queue.rows = (1...30).map { number in
            Listing.Row(
                [
                    "\(5_690 - number)", number == 30 ? "parked" : "pending",
                    number == 30 ? "5" : "", "", number == 30 ? "HTTP 500: 整備中 an error" : "",
                ], tone: number == 30 ? .bad : .plain, key: "\(5_690 - number)")
        }
        snapshot.queue.note = "30 of 5,690"
        snapshot.runs.rows = [
            Listing.Row(
                ["r4", "2026-11-24T07:00:00Z", "incremental", "running", "0 s", "872 requests"]),
            Listing.Row(
                ["r1", "2026-11-23T07:00:00Z", "full", "failed (auth)", "3 s", "1 requests"],
                tone: .bad),
        ]
        snapshot.projections.rows = [
            Listing.Row(["os", "1", "10,000", "@12,340", "5 events behind"]),
            Listing.Row(["history", "", "", "", "not built yet"], tone: .faint),
        ]
        return snapshot
    }()

    private static let eventColumns = [
        Listing.Column("position", width: 10, weight: 2),
        Listing.Column("time", width: 20, weight: 3), Listing.Column("run", width: 8, weight: 1),
        Listing.Column("event", width: 16, weight: 4),
        Listing.Column("what happened", width: 20, weight: 5),
    ]
    private static let queueColumns = [
        Listing.Column("id", width: 20, weight: 5), Listing.Column("state", width: 9, weight: 4),
        Listing.Column("attempts", width: 8, weight: 1),
        Listing.Column("next attempt", width: 20, weight: 2),
        Listing.Column("last error", width: 20, weight: 3),
    ]
    private static let runColumns = [
        Listing.Column("run", width: 8, weight: 6), Listing.Column("began", width: 20, weight: 4),
        Listing.Column("mode", width: 12, weight: 3),
        Listing.Column("outcome", width: 16, weight: 7),
        Listing.Column("took", width: 12, weight: 2),
        Listing.Column("what it did", width: 20, weight: 5),
    ]
    private static let projectionColumns = [
        Listing.Column("projection", width: 16, weight: 5),
        Listing.Column("generation", width: 10, weight: 1),
        Listing.Column("rows", width: 12, weight: 2),
        Listing.Column("position", width: 12, weight: 3),
        Listing.Column("state", width: 24, weight: 4),
    ]
}

extension ViewState {
    /// After these keys.
    static func after(_ keys: [Key], _ snapshot: Snapshot = Samples.busy) -> ViewState {
        var state = ViewState()
        for key in keys { _ = state.handle(key, snapshot, page: 18) }
        return state
    }

    static func at(_ view: View) -> ViewState {
        after(Array(repeating: .tab, count: View.allCases.firstIndex(of: view) ?? 0))
    }
}

extension [Key] {
    static func typed(_ text: String) -> [Key] { text.map { .character($0) } }
}
