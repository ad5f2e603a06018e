package import SyncCore

/// The limits that the server of a log had, as far as its refusals tell.
///
/// What it is told lies within the bounds of the log, however much of it there is: each question
/// takes a search among the times that it knows.
package struct RecordedLimits {
    private var admittedTimes: [Int64] = []
    private var refusals: [Int64] = []
    /// Refusals say how long is to be waited.
    private var namesWait = false
    private var windows: [RateWindow] = []
    /// When requests were admitted here, in order; those before `firstTaken` are in no window.
    private var taken: [Int64] = []
    private var firstTaken = 0
    private var most: [(window: RateWindow, admitted: Int)] = []

    package init() {}

    package mutating func admitted(at ns: Int64) { admittedTimes.append(ns) }

    package mutating func refused(at ns: Int64, waitMs: Int64?) {
        refusals.append(ns)
        namesWait = namesWait || waitMs != nil
    }

    /// Ends the learning.
    ///
    /// - Parameter configured: the windows that may be the server's.
    package mutating func settle(_ configured: [RateWindow]) {
        admittedTimes.sort()
        most = configured.map { ($0, Self.most(admittedTimes, within: $0.periodNs)) }
        // A window refuses that was as full as it ever was.
        windows = most.filter { entry in
            entry.admitted > 0
                && refusals.contains { count(before: $0, entry.window) >= entry.admitted }
        }.map {
            RateWindow(
                name: $0.window.name, requests: $0.admitted, periodNs: $0.window.periodNs)
        }
    }

    /// Requests that were admitted in the window that ends at a moment.
    private func count(before ns: Int64, _ window: RateWindow) -> Int {
        admittedTimes.firstIndex(after: ns) - admittedTimes.firstIndex(after: window.start(at: ns))
    }

    private static func most(_ times: [Int64], within periodNs: Int64) -> Int {
        var (first, most) = (0, 0)
        for (index, time) in times.enumerated() {
            while first < index, times[first] <= time.saturatingAdd(-max(periodNs, 0)) {
                first += 1
            }
            most = max(most, index - first + 1)
        }
        return most
    }

    package var assumptions: [String] {
        guard !refusals.isEmpty else {
            let sent = most.map { "\($0.admitted) in the \($0.window.name) window" }
            return [
                "no request was refused, so none will be; at most "
                    + (sent.isEmpty ? "\(admittedTimes.count)" : sent.joined(separator: ", "))
                    + " were sent, and more was never tried"
            ]
        }
        guard !windows.isEmpty else {
            return [
                "\(refusals.count) requests were refused by a limit that none of the windows "
                    + "explains: none is refused here"
            ]
        }
        return windows.map {
            "the server admits \($0.requests) requests in its \($0.name) window: so many it "
                + "admitted before it refused"
        }
    }

    /// The refusal of a request that arrives now, if it is one too many.
    package func refusal(at nowNs: Int64) -> SourceAnswer? {
        var free: Int64?
        for window in windows {
            let first = max(taken.firstIndex(after: window.start(at: nowNs)), firstTaken)
            guard taken.count - first >= window.requests else { continue }
            let next = taken[taken.count - window.requests].saturatingAdd(max(window.periodNs, 0))
            free = max(free ?? next, next)
        }
        guard let free else { return nil }
        let leftNs = free.saturatingAdd(-nowNs).saturatingAdd(.nsPerSecond - 1)
        return SourceAnswer(
            exchange: Exchange(status: 429),
            content: .limited(
                waitMs: namesWait ? leftNs / .nsPerSecond * 1_000 : nil,
                signal: namesWait ? "retry-after" : ""))
    }

    /// Admits a request that arrives now.
    ///
    /// - Parameter nowNs: not before that of the one before.
    package mutating func take(_ nowNs: Int64) {
        guard let longest = windows.max(by: { $0.periodNs < $1.periodNs }) else { return }
        taken.append(nowNs)
        firstTaken = taken.firstIndex(after: longest.start(at: nowNs))
        if firstTaken > taken.count / 2 {
            taken.removeSubrange(..<firstTaken)
            firstTaken = 0
        }
    }
}

extension RateWindow {
    /// What happened at this moment, or before, is out of the window.
    fileprivate func start(at ns: Int64) -> Int64 { ns.saturatingAdd(-max(periodNs, 0)) }
}

extension [Int64] {
    /// Of times in order, the place of the first one that lies after a moment.
    fileprivate func firstIndex(after ns: Int64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] > ns { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
