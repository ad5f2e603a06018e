/// The soonest that a number of requests can be done under the windows, counted as it goes.
///
/// The greedy schedule with zero latency, over the slots that were held at the start:
/// `t(n) = max over windows of t(n - requests) + period`.
package struct FloorTracker: Sendable, Equatable {
    package let startNs: Int64
    /// The slots held at the start, and those of the requests counted since.
    package private(set) var schedule: SlotHistory
    package private(set) var lastNs: Int64

    package init(slots: SlotHistory, startNs: Int64) {
        schedule = slots
        self.startNs = startNs
        lastNs = startNs
    }

    /// One that was stored, exactly as it was.
    package init(startNs: Int64, schedule: SlotHistory, lastNs: Int64) {
        self.startNs = startNs
        self.schedule = schedule
        self.lastNs = lastNs
    }

    /// Counts one more request.
    package mutating func count(windows: [RateWindow]) {
        for window in windows {
            lastNs =
                schedule.earliest(in: window, held: 0, now: lastNs, isFloor: true) ?? lastNs
        }
        schedule.insert(lastNs, windows: windows)
    }

    /// From the start to the last request.
    package var floorNs: Int64 { lastNs - startNs }
}
