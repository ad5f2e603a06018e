/// When the slots of past requests began to run out: boot-clock nanoseconds, ascending.
///
/// A slot is taken when its request is sent and held until the response and a whole window more, so
/// that arrivals at the server keep the window's distance whatever the latency.
package struct SlotHistory: Sendable, Equatable {
    /// As many as any later configuration may need to know of, at most `capacity`.
    package private(set) var times: [Int64]

    /// The newest slots that are kept at the least; a window that admits more keeps as many.
    static let minimumCapacity = 4_096

    package init(times: [Int64] = []) { self.times = times.sorted() }

    /// Adds a slot that runs out from `time` on, and forgets the oldest beyond `capacity`.
    mutating func insert(_ time: Int64, windows: [RateWindow]) {
        var index = times.count
        while index > 0, times[index - 1] > time { index -= 1 }
        times.insert(time, at: index)
        let largest = windows.map(\.requests).max() ?? 0
        let capacity = max(largest, Self.minimumCapacity)
        // In blocks, because each removal moves the rest; deterministic, because states are
        // compared.
        if times.count >= capacity + capacity / 4 { times.removeFirst(times.count - capacity) }
    }

    /// The slots of `window` that are still held at `now`.
    package func count(in window: RateWindow, now: Int64) -> Int {
        var index = times.count
        while index > 0, times[index - 1].saturatingAdd(window.holdNs) > now { index -= 1 }
        return times.count - index
    }

    /// The first moment, from `now` on, at which every window has a free slot.
    ///
    /// - Parameters:
    ///   - held: requests whose response has not come: they hold a slot in each window.
    ///   - isExact: by the bare period, without the margin that a real request keeps.
    /// - Returns: nil when a window is full of requests in flight: only a response frees it.
    package func earliest(
        windows: [RateWindow], held: Int, now: Int64, isExact: Bool = false
    ) -> Int64? {
        var earliest = now
        for window in windows {
            let free = window.requests - held
            guard free > 0 else { return nil }
            guard times.count >= free else { continue }
            let hold = isExact ? window.periodNs : window.holdNs
            earliest = max(earliest, times[times.count - free].saturatingAdd(hold))
        }
        return earliest
    }

    /// Carries the history over to another boot of the machine.
    mutating func rebase(_ convert: (Int64) -> Int64) {
        times = times.map(convert).sorted()
    }
}

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
        lastNs =
            schedule.earliest(windows: windows, held: 0, now: lastNs, isExact: true) ?? lastNs
        schedule.insert(lastNs, windows: windows)
    }

    /// From the start to the last request.
    package var floorNs: Int64 { lastNs - startNs }
}
