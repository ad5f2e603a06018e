import SyncCore

/// What a run is doing, in one line: working, waiting for the budget, or cooling down after a 429.
enum ProgressLine {
    /// The line for a state of the run at a moment.
    ///
    /// - Parameters:
    ///   - wake: when the next request may be sent, while the run waits.
    ///   - columns: how long the line may be; what matters least is left out.
    static func text(
        _ control: ControlState, wake: LogTime?, now: LogTime, columns: Int? = nil
    ) -> String {
        guard let invocation = control.invocation else { return "" }
        let stream = control[invocation.stream]
        var parts = [phase(invocation, stream)]
        let nowNs = control.bootNs(at: now)
        let windows = control.limiter.windows(invocation.policy.limits.windows, now: nowNs)
        for window in windows {
            let used = control.limiter.slots.count(in: window, now: nowNs) + control.inFlight.count
            parts.append("\(window.name) \(used)/\(window.requests)")
        }
        if let wake, wake > now {
            let isCooling = control.limiter.cooldownUntilNs.map { $0 > nowNs } ?? false
            parts.append("\(isCooling ? "cooling down" : "next in") \(seconds(wake.since(now)))")
        }
        let wait = parts.last
        var text = parts.joined(separator: " | ")
        if let end = estimate(control, invocation, stream, nowNs: nowNs) {
            for more in [eta(end, now: now), "ETA \(TimeSpan.text(seconds: end / .nsPerSecond))"]
            where columns.map({ text.count + 3 + more.count <= $0 }) ?? true {
                return "\(text) | \(more)"
            }
        }
        guard let columns, text.count > columns else { return text }
        // The windows are the longest part; how far it is and what it waits for stay.
        text = [parts.first, parts.count > 1 ? wait : nil].compactMap { $0 }
            .joined(separator: " | ")
        return String(text.prefix(columns))
    }

    static func phase(_ invocation: InvocationState, _ stream: StreamState) -> String {
        let (name, done, total) = counts(invocation, stream)
        guard let total else { return "\(name) \(done.grouped) records" }
        return "\(name) \(done.grouped)/\(total.grouped) \(percent(done, total))"
    }

    /// How many records of how many: of the list while a pass is open, else of the details.
    static func counts(
        _ invocation: InvocationState, _ stream: StreamState
    ) -> (name: String, done: UInt64, total: UInt64?) {
        if let pass = stream.pass, invocation.mode != .detailsOnly {
            return ("list", pass.distinct, pass.total.flatMap { $0 > 0 ? $0 : nil })
        }
        let done = stream.counts.synced
        return ("details", done, done + stream.counts.waiting)
    }

    private static func percent(_ part: UInt64, _ whole: UInt64) -> String {
        whole == 0 ? "100%" : "\(min(part, whole) * 100 / whole)%"
    }

    static func seconds(_ ns: Int64) -> String {
        let tenths = max(ns, 0) / (.nsPerSecond / 10)
        return tenths >= 600
            ? TimeSpan.text(seconds: tenths / 10) : "\(tenths / 10).\(tenths % 10)s"
    }

    /// `ETA 1 h 38 min (18:42)`
    ///
    /// - Parameter clock: how the time of the day is told at which it ends.
    static func eta(
        _ ns: Int64, now: LogTime, clock: (LogTime) -> String = { $0.localClock }
    ) -> String {
        "ETA \(TimeSpan.text(seconds: ns / .nsPerSecond)) (\(clock(now.adding(ns: ns))))"
    }

    /// From the limiter, not from the throughput: what is left to ask for, under the windows.
    static func estimate(
        _ control: ControlState, _ invocation: InvocationState, _ stream: StreamState, nowNs: Int64
    ) -> Int64? {
        guard !invocation.policy.limits.windows.isEmpty else { return nil }
        var left: UInt64 = 0
        if let pass = stream.pass, let total = pass.total, total > pass.rows {
            let size = UInt64(invocation.policy.pageSize)
            left += (total - pass.rows + size - 1) / size
        }
        if let detail = invocation.policy.detail, !invocation.options.noDetails {
            var records = stream.counts.waiting
            if let pass = stream.pass, let total = pass.total {
                records += pass.unlisted(of: total, known: stream.counts.total)
            }
            left += (records + UInt64(detail.batch) - 1) / UInt64(detail.batch)
        }
        guard left > 0, left <= 200_000 else { return nil }
        let start = control.limiter.free(under: invocation.policy.limits, now: nowNs)
        var floor = FloorTracker(slots: control.limiter.slots, startNs: start)
        let windows = control.limiter.windows(invocation.policy.limits.windows, now: nowNs)
        for _ in 0..<left { floor.count(windows: windows) }
        return (start - nowNs).saturatingAdd(floor.floorNs)
    }
}
