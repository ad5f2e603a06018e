import EventLog
import SyncCore

/// The part of `status` that is about the limits: what is used, what was learned, what is waited
/// for.
struct BudgetReport {
    private let control: ControlState
    private let windows: [RateWindow]
    private let nowNs: Int64

    init(_ control: ControlState, _ windows: [RateWindow], nowNs: Int64) {
        self.control = control
        self.windows = windows
        self.nowNs = nowNs
    }

    private func used(_ window: RateWindow) -> Int {
        control.limiter.slots.count(in: window, now: nowNs) + control.inFlight.count
    }

    private func learned(_ window: RateWindow) -> LearnedLimit? {
        control.limiter.learnedLimit(of: window, now: nowNs)
    }

    private var cooldownUntil: LogTime? {
        control.limiter.cooldownUntilNs.flatMap { $0 > nowNs ? control.time(atBootNs: $0) : nil }
    }

    /// The member beside the windows.
    static let cooldownKey = "cooldownUntil"

    /// `{"minute":{"limit":20,"used":3,"learned":null},"cooldownUntil":null}`
    var json: JSONText {
        var members = windows.map { window in
            (
                window.name,
                JSONText.object([
                    ("limit", .number(window.requests)), ("used", .number(used(window))),
                    ("learned", learned(window).map(json) ?? .null),
                ])
            )
        }
        members.append((Self.cooldownKey, .optional(cooldownUntil?.rfc3339())))
        return .object(members)
    }

    private func json(_ known: LearnedLimit) -> JSONText {
        .object([
            ("limit", .number(known.requests(now: nowNs))),
            ("since", .string(control.time(atBootNs: known.sinceNs).rfc3339())),
            ("risesAt", .string(risesAt(known).rfc3339())),
        ])
    }

    private func risesAt(_ known: LearnedLimit) -> LogTime {
        control.time(atBootNs: known.nextRaiseNs(now: nowNs))
    }

    /// One line, and one more for each learned limit and for a cooldown.
    var words: [String] {
        let parts = windows.map { window in
            "\(window.name) \(used(window))/\(control.limiter.limit(of: window, now: nowNs))"
        }
        var lines = ["budget    " + (parts.isEmpty ? "no limits" : parts.joined(separator: ", "))]
        for window in windows {
            guard let known = learned(window) else { continue }
            lines.append(
                "learned   \(known.requests(now: nowNs)) per \(window.name) instead of "
                    + "\(window.requests), from refusals; \(known.step) more at "
                    + "\(risesAt(known).toTheSecond)")
        }
        if let cooldownUntil { lines.append("cooldown  until \(cooldownUntil.toTheSecond)") }
        return lines
    }
}
