internal import SyncCore

/// What the windows admit by the limits that the engine says it has learned.
///
/// A learned limit rises by one each ten minutes, or two periods if that is longer, and by more
/// where it would take longer than fifty days to give back all that was configured when it was
/// learned, which is its end; each refusal that confirms it doubles that time, up to eight times.
struct LearnedLimits {
    struct Known {
        let window: String
        let periodNs: Int64
        var requests: Int
        /// Answers to requests that were on the wire with the refused one raise it no further.
        let ceiling: Int
        let confirmations: UInt8
        let learnedAt: Position
        /// What was configured then.
        let configured: Int
        fileprivate(set) var since: Moment
        /// After how long it rises, and by how much.
        fileprivate let raiseNs: ClosedRange<Int64>
        fileprivate let step: Int

        fileprivate func isAbout(_ window: RateWindow) -> Bool {
            self.window == window.name && periodNs == window.periodNs
        }

        /// From how many on it says nothing.
        func end(_ window: RateWindow) -> Int { min(configured, window.requests) }

        /// What it stands at, at least.
        func least(_ nowNs: Int64) -> Int {
            risen(since.latest, nowNs, raiseNs.upperBound)
        }

        /// The same, at most.
        func most(_ nowNs: Int64) -> Int {
            risen(since.earliest, nowNs, raiseNs.lowerBound)
        }

        private func risen(_ from: Int64, _ nowNs: Int64, _ raiseNs: Int64) -> Int {
            requests + Int(max(nowNs.saturatingAdd(-max(from, -.max)), 0) / raiseNs) * step
        }

        /// When it has risen to so many, at the latest.
        func riseNs(to requests: Int) -> Int64 {
            let raises = Int64((max(requests - self.requests, 0) + step - 1) / step)
            return since.latest.saturatingAdd(raises.saturatingMultiply(raiseNs.upperBound))
        }
    }

    private(set) var known: [Known] = []

    private static let leastRaiseNs = 600 * Int64.nsPerSecond
    private static let fiftyDaysNs = 50 * 86_400 * Int64.nsPerSecond

    /// The one of a window, in force or not.
    func about(_ window: RateWindow) -> Known? { known.first { $0.isAbout(window) } }

    /// The one of a window that is in force, unless it may have risen to the configured one.
    ///
    /// - Parameter isSure: it has certainly not.
    func inForce(_ window: RateWindow, _ nowNs: Int64, isSure: Bool = false) -> Known? {
        known.first {
            $0.isAbout(window)
                && (isSure ? $0.most(nowNs) : $0.least(nowNs)) < $0.end(window)
        }
    }

    /// - Parameter windows: as they are configured.
    mutating func take(
        _ event: LimitLearned, _ at: Position, _ windows: [RateWindow], _ clocks: MachineClocks,
        nowNs: Int64
    ) {
        let index = known.firstIndex {
            $0.window == event.window && $0.periodNs == event.periodNs
        }
        switch event.kind {
        case .suspected: break
        case .admitted: if let index { known[index].requests = Int(event.requests) }
        case .refused:
            if let index { known.remove(at: index) }
            let plainNs = max(event.periodNs.saturatingMultiply(2), Self.leastRaiseNs)
            let raiseNs = plainNs.saturatingMultiply(1 << Int64(event.confirmations))
            let window = windows.first {
                $0.name == event.window && $0.periodNs == event.periodNs
            }
            let configured = window?.requests ?? .max
            known.append(
                Known(
                    window: event.window, periodNs: event.periodNs, requests: Int(event.requests),
                    ceiling: Int(event.ceiling), confirmations: event.confirmations,
                    learnedAt: at, configured: configured, since: Moment(nowNs),
                    raiseNs: clocks.boundsNs(raiseNs),
                    step: Self.step(configured, eachNs: plainNs)))
        }
    }

    /// So that all is back after fifty days, in whole requests.
    private static func step(_ configured: Int, eachNs: Int64) -> Int {
        let times = max(Int(fiftyDaysNs / eachNs), 1)
        return max((configured - 1) / times + 1, 1)
    }

    mutating func forget() { known = [] }

    mutating func take(_ reboot: Reboot) {
        for index in known.indices { known[index].since = reboot.past(known[index].since) }
    }
}
