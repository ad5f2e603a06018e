internal import SyncCore

extension CronExpression {
    /// The next instant after another, in seconds of UTC; nil when there is none in 400 years.
    ///
    /// Each piece of time between two changes of the offset is searched by itself. A wildcard in
    /// the minute or the hour means: whenever the clocks show such a time. Else a time that the
    /// clocks pass over comes at the first instant after the gap, once for all times in it, and one
    /// that they show twice at the first instant alone (cron(8), Debian: "Special considerations
    /// exist when the clock is changed"; without its bound of three hours).
    package func next(after instant: Int64, in zone: ZoneRules) -> Int64? {
        // 400 years have all days of the calendar.
        let horizon = instant.saturatingAdd(146_097 * 86_400 + 86_400)
        var (piece, start) = (instant, instant.saturatingAdd(1))
        while piece < horizon {
            let offset = zone.offset(at: piece)
            let change = zone.nextTransition(after: piece)
            let end = min(change ?? horizon, horizon)
            if let found = first(from: start, before: end, offset: offset, zone) { return found }
            guard let change, change < horizon else { return nil }
            if isInGap(change, before: offset, after: zone.offset(at: change)) { return change }
            (piece, start) = (change, change)
        }
        return nil
    }

    /// The first instant of a piece at which the clocks show a time of it (for the first time,
    /// unless it goes by elapsed time).
    private func first(
        from start: Int64, before end: Int64, offset: Int64, _ zone: ZoneRules
    ) -> Int64? {
        var civil = CivilTime(seconds: start.saturatingAdd(offset))
        while let found = firstCivil(from: civil, before: end.saturatingAdd(offset)) {
            let instant = found.seconds - offset
            if isByElapsedTime || isFirst(instant, showing: found, zone) { return instant }
            civil = CivilTime(seconds: found.seconds + 60)
        }
        return nil
    }

    private func isFirst(_ instant: Int64, showing civil: CivilTime, _ zone: ZoneRules) -> Bool {
        if case .overlap(let first, _) = zone.instants(of: civil) { return instant == first }
        return true
    }

    /// Whether a time of it is passed over when the clocks go forward.
    private func isInGap(_ change: Int64, before: Int64, after: Int64) -> Bool {
        guard after > before, !isByElapsedTime else { return false }
        let start = CivilTime(seconds: change + before)
        return firstCivil(from: start, before: change + after) != nil
    }
}
