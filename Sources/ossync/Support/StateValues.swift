import EventLog
import Records
import SyncCore

/// The state of a stream at one event, by the names that conditions use: those of `status --json`
/// and some of the run.
struct StateValues {
    enum Value: Equatable {
        case number(ExactDecimal)
        /// A sum, which JSON has as a text.
        case decimal(ExactDecimal)
        case text(String)
        /// Nothing is there: no mark yet, no error, no such column.
        case none
    }

    private let control: ControlState
    private let stream: StreamState?
    private let total: (sum: String, records: UInt64)?

    /// - Parameters:
    ///   - stream: its name.
    ///   - total: what only the projection of the records has.
    init(
        _ control: ControlState, _ stream: String, total: (sum: String, records: UInt64)? = nil
    ) {
        self.control = control
        self.stream = control.stream(named: stream)
        self.total = total
    }

    /// Everything that a condition can ask for, with what it is, in the order of `status`.
    static let names: [(name: String, meaning: String)] = [
        ("position", "the event's"), ("records.total", ""), ("records.withDetails", ""),
        ("records.withoutDetails", ""), ("records.failed", "given up"),
        ("expenses.total", "the sum of the column expense_total"), ("expenses.records", ""),
        ("state.phase", "idle, headers, details"), ("state.highWaterMark", ""),
        ("state.run", "r4711"), ("state.lastError", ""), ("state.generation", ""),
        ("queue.pending", ""), ("queue.retrying", ""), ("queue.parked", ""),
        ("queue.dropped", ""), ("run.requests", "of the invocation under way"),
        ("run.rateLimited", "its answers with 429"), ("inFlight", "requests without an answer"),
        ("cooldown", "seconds for which nothing may be sent"),
        ("limits.learned", "limits that refusals taught"),
    ]

    /// Names that need the projection of the records.
    static let totals: Set<String> = ["expenses.total", "expenses.records"]

    /// - Parameter name: one of `names`.
    func value(_ name: String) throws -> Value {
        if Self.totals.contains(name) {
            guard let total else { return .none }
            return name == "expenses.records"
                ? number(total.records) : .decimal(try ExactDecimal(total.sum))
        }
        if let count = count(name) { return number(count) }
        let text: String?
        switch name {
        case "state.phase": text = phase
        case "state.highWaterMark": text = stream?.highWaterMark?.text
        case "state.run": text = stream.flatMap { $0.lastRun.runText }
        case "state.lastError": text = stream?.lastError
        default: text = nil
        }
        return text.map { Value.text($0) } ?? .none
    }

    private func count(_ name: String) -> UInt64? {
        let counts = stream?.counts ?? RecordCounts()
        return switch name {
        case "position": control.position.rawValue
        case "records.total": counts.total
        case "records.withDetails": counts.synced
        case "records.withoutDetails": counts.withoutDetails
        case "records.failed", "queue.parked": counts.parked
        case "state.generation": UInt64(stream?.generation ?? 0)
        case "queue.pending": counts.pending
        case "queue.retrying": counts.retrying
        case "queue.dropped": counts.dropped
        case "run.requests": control.invocation?.counters.requests ?? 0
        case "run.rateLimited": control.invocation?.counters.rateLimited ?? 0
        case "inFlight": UInt64(control.inFlight.count)
        case "cooldown": cooldownSeconds
        case "limits.learned": UInt64(control.limiter.learned.count)
        default: nil
        }
    }

    private func number(_ count: UInt64) -> Value { .number(ExactDecimal(Int(clamping: count))) }

    private var phase: String { control.phase(of: stream) }

    private var cooldownSeconds: UInt64 {
        let now = control.bootNs(at: control.time)
        guard let until = control.limiter.cooldownUntilNs, until > now else { return 0 }
        return UInt64((until - now + .nsPerSecond - 1) / .nsPerSecond)
    }

    /// All of it as members of an object, without the totals.
    var json: JSONText {
        .object(
            Self.names.filter { !Self.totals.contains($0.name) }.map { name, _ in
                (name, (try? value(name))?.json ?? .null)
            })
    }

    /// What matters of it on a line.
    var words: String {
        let counts = stream?.counts ?? RecordCounts()
        var parts = [
            "\(phase)", "\(counts.synced.grouped)/\(counts.total.grouped) with details",
            "queue \(counts.pending.grouped)+\(counts.retrying.grouped)+\(counts.parked.grouped)",
            "in flight \(control.inFlight.count)",
        ]
        if let invocation = control.invocation {
            parts.append("requests \(invocation.counters.requests.grouped)")
        }
        if cooldownSeconds > 0 { parts.append("cooldown \(cooldownSeconds) s") }
        return parts.joined(separator: ", ")
    }
}

extension StateValues.Value {
    var json: JSONText {
        switch self {
        case .number(let number): .literal(number.description)
        case .decimal(let sum): .string(sum.description)
        case .text(let text): .string(text.withoutControls)
        case .none: .null
        }
    }

    var words: String {
        switch self {
        case .number(let number), .decimal(let number): number.description
        case .text(let text): text.withoutControls
        case .none: "nothing"
        }
    }
}

extension ControlState {
    /// What a stream's run is at, as `status` names it.
    func phase(of stream: StreamState?) -> String {
        guard let invocation, let stream, invocation.stream == stream.id,
            invocation.mode != .health
        else { return "idle" }
        return stream.pass != nil && invocation.mode != .detailsOnly ? "headers" : "details"
    }
}

extension Event {
    /// Whether it may change a column of a record, and so their sum.
    var bringsTexts: Bool { type == .pageFetched || type == .detailsFetched }
}
