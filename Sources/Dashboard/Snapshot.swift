/// Everything that the screen shows of a store, as it is at one moment: texts for people, free of
/// control characters, and the numbers that are drawn.
package struct Snapshot: Sendable, Equatable {
    /// What a text tells beside its words.
    package enum Tone: Sendable, Equatable {
        case plain, good, warning, bad, faint
    }

    /// A text under a name.
    package struct Fact: Sendable, Equatable {
        package let name: String
        package let text: String
        package let tone: Tone

        package init(_ name: String, _ text: String, _ tone: Tone = .plain) {
            self.name = name
            self.text = text
            self.tone = tone
        }
    }

    /// A window of the limits.
    package struct Gauge: Sendable, Equatable {
        package let name: String
        package let used: Int
        /// What it admits now, which may be less than what is configured.
        package let limit: Int
        /// For example what was learned of it; may be empty.
        package let note: String

        package init(name: String, used: Int, limit: Int, note: String) {
            self.name = name
            self.used = used
            self.limit = limit
            self.note = note
        }
    }

    /// How far a run is.
    package struct Progress: Sendable, Equatable {
        package let done: UInt64
        package let total: UInt64
        /// For example `ETA 1 h 38 min (18:42Z)`; may be empty.
        package let estimate: String

        package init(done: UInt64, total: UInt64, estimate: String) {
            self.done = done
            self.total = total
            self.estimate = estimate
        }
    }

    /// How many requests were sent, and how many refused, in stretches of time of the same length.
    package struct Pace: Sendable, Equatable {
        package var requests: [UInt64]
        package var refused: [UInt64]
        /// All stretches together, for example `60 min`.
        package let span: String

        package init(requests: [UInt64], refused: [UInt64], span: String) {
            self.requests = requests
            self.refused = refused
            self.span = span
        }
    }

    /// The name of the stream, for example `os`.
    package var stream = ""
    /// The store's folder.
    package var store = ""
    /// The end of the log, for example `@4711`.
    package var position = ""
    /// The time of the day.
    package var clock = ""
    /// What is going on, for example `details 4,310/10,000 43% | next in 2.1s`.
    package var phase = Fact("", "")
    package var progress: Progress?
    package var overview: [Fact] = []
    package var gauges: [Gauge] = []
    /// What is waited for, and what was learned of the limits.
    package var budget: [Fact] = []
    package var pace = Pace(requests: [], refused: [], span: "")
    package var events = Listing()
    package var queue = Listing()
    package var errors = Listing()
    package var runs = Listing()
    package var projections = Listing()

    package init() {}

    func listing(_ view: View) -> Listing? {
        switch view {
        case .overview, .budget: nil
        case .events: events
        case .queue: queue
        case .errors: errors
        case .runs: runs
        case .projections: projections
        }
    }
}

/// Rows of cells below titles; the last column takes what room is left.
package struct Listing: Sendable, Equatable {
    package struct Column: Sendable, Equatable {
        package let title: String
        package let width: Int
        /// Columns of less weight make way first where the screen is narrow.
        package let weight: Int

        package init(_ title: String, width: Int, weight: Int = 1) {
            self.title = title
            self.width = width
            self.weight = weight
        }
    }

    package struct Row: Sendable, Equatable {
        package let cells: [String]
        package let tone: Snapshot.Tone
        /// What it is about, for example the id of a record; empty where nothing can be done to it.
        package let key: String

        package init(_ cells: [String], tone: Snapshot.Tone = .plain, key: String = "") {
            self.cells = cells
            self.tone = tone
            self.key = key
        }

        func contains(_ lowercased: String) -> Bool {
            cells.contains { $0.lowercased().contains(lowercased) }
        }
    }

    package var columns: [Column]
    package var rows: [Row]
    /// How many of how many these are; may be empty.
    package var note: String
    /// What stands there instead where there are no rows.
    package var empty: String

    package init(
        _ columns: [Column] = [], _ rows: [Row] = [], note: String = "", empty: String = "reading"
    ) {
        self.columns = columns
        self.rows = rows
        self.note = note
        self.empty = empty
    }

    /// The rows that have a text in them, in whatever case it is written.
    func filtered(_ text: String) -> [Row] {
        guard !text.isEmpty else { return rows }
        let wanted = text.lowercased()
        return rows.filter { $0.contains(wanted) }
    }
}
