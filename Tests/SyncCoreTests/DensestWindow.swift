import SyncCore

/// The most of these ascending times, in nanoseconds, that any period of a window holds.
func densest(_ times: [Int64], _ window: RateWindow) -> Int {
    var first = 0
    var most = 0
    for last in times.indices {
        while times[last] - times[first] >= window.periodNs { first += 1 }
        most = max(most, last - first + 1)
    }
    return most
}
