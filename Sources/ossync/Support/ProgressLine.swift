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
            let eta = "ETA \(TimeSpan.text(seconds: end / .nsPerSecond))"
            for more in ["\(eta) (\(now.adding(ns: end).localClock))", eta]
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

    private static func phase(_ invocation: InvocationState, _ stream: StreamState) -> String {
        if let pass = stream.pass, invocation.mode != .detailsOnly {
            guard let total = pass.total, total > 0 else {
                return "list \(pass.distinct.grouped) records"
            }
            return "list \(pass.distinct.grouped)/\(total.grouped) \(percent(pass.distinct, total))"
        }
        let done = stream.counts.synced
        let all = done + stream.counts.waiting
        return "details \(done.grouped)/\(all.grouped) \(percent(done, all))"
    }

    private static func percent(_ part: UInt64, _ whole: UInt64) -> String {
        whole == 0 ? "100%" : "\(min(part, whole) * 100 / whole)%"
    }

    private static func seconds(_ ns: Int64) -> String {
        let tenths = max(ns, 0) / (.nsPerSecond / 10)
        return tenths >= 600
            ? TimeSpan.text(seconds: tenths / 10) : "\(tenths / 10).\(tenths % 10)s"
    }

    /// From the limiter, not from the throughput: what is left to ask for, under the windows.
    private static func estimate(
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
            if let pass = stream.pass, let total = pass.total, total > pass.distinct {
                records += total - pass.distinct
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
