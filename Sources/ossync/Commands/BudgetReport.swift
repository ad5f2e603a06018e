import EventLog
import SyncCore
import SyncEngine

/// The part of `status` that is about the limits: what is used, what was learned, what is waited
/// for.
struct BudgetReport {
    private let control: ControlState
    private let limits: LimitPolicy
    let nowNs: Int64

    init(_ control: ControlState, _ limits: LimitPolicy, nowNs: Int64) {
        self.control = control
        self.limits = limits
        self.nowNs = nowNs
    }

    /// As it is now, for the state at the log's end.
    init(now control: ControlState, _ limits: LimitPolicy) {
        self.init(control, limits, at: SystemClock().read())
    }

    /// As it is at a reading of the clocks, for the state at the log's end.
    init(_ control: ControlState, _ limits: LimitPolicy, at reading: ClockReading) {
        self.init(
            control, limits,
            nowNs: control.clock?.bootID == reading.bootID
                ? reading.bootNs : control.bootNs(at: reading.wall))
    }

    var windows: [RateWindow] { limits.windows }

    func used(_ window: RateWindow) -> Int {
        control.limiter.slots.count(in: window, now: nowNs) + control.inFlight.count
    }

    func learned(_ window: RateWindow) -> LearnedLimit? {
        control.limiter.learnedLimit(of: window, now: nowNs)
    }

    var cooldownUntil: LogTime? {
        control.limiter.cooldownUntilNs.flatMap { $0 > nowNs ? control.time(atBootNs: $0) : nil }
    }

    /// Until then a log that was restored from a backup counts every window as full.
    var unknownUntil: LogTime? {
        control.limiter.unknownUntilNs(limits)
            .flatMap { $0 > nowNs ? control.time(atBootNs: $0) : nil }
    }

    /// What each window still admits; none after a restore, while what was sent isn't known.
    var remaining: [(window: String, requests: Int)] {
        windows.map { window in
            let limit = control.limiter.limit(of: window, now: nowNs)
            return (window.name, unknownUntil == nil ? max(limit - used(window), 0) : 0)
        }
    }

    /// The members beside the windows.
    static let cooldownKey = "cooldownUntil"
    static let unknownKey = "unknownUntil"

    /// `{"minute":{"limit":20,"used":3,"learned":null},"cooldownUntil":null,"unknownUntil":null}`
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
        members.append((Self.unknownKey, .optional(unknownUntil?.rfc3339())))
        return .object(members)
    }

    private func json(_ known: LearnedLimit) -> JSONText {
        .object([
            ("limit", .number(known.requests(now: nowNs))),
            ("since", .string(control.time(atBootNs: known.sinceNs).rfc3339())),
            ("risesAt", .string(risesAt(known).rfc3339())),
        ])
    }

    func risesAt(_ known: LearnedLimit) -> LogTime {
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
        if let unknownUntil {
            lines.append(
                "restored  what was sent since the backup is unknown: no request until "
                    + unknownUntil.toTheSecond)
        }
        return lines
    }
}
