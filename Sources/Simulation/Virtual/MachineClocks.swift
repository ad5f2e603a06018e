internal import SyncCore

/// A true time that a machine may take for an earlier or a later one, because its clocks drift or
/// are set.
struct Moment {
    var earliest: Int64
    var latest: Int64

    /// One that nothing waits for.
    static var past: Moment { Moment(earliest: .min, latest: .min) }

    init(_ timeNs: Int64) { (earliest, latest) = (timeNs, timeNs) }

    init(earliest: Int64, latest: Int64) {
        self.earliest = earliest
        self.latest = latest
    }
}

/// How far a machine's clocks lead it astray.
struct MachineClocks {
    private let driftPPM: Int64
    /// Whether nobody sets the wall clock.
    let isWallTrue: Bool
    private var bootID: String?

    /// What the clocks of a machine may be apart by without a word, twice: before and after an
    /// anchor.
    static let slackNs = 2 * ClockAnchored.slackNs

    init(_ plan: SimulationPlan) {
        driftPPM = plan.bootDriftPPM
        isWallTrue = plan.wallStepNs == 0 && !plan.losesTime
    }

    /// - Parameters:
    ///   - nowNs: the true time of the anchor.
    ///   - lastNs: that of the event before it.
    /// - Returns: the reboot that an anchor shows, if it shows one.
    mutating func anchored(_ event: ClockAnchored, nowNs: Int64, lastNs: Int64) -> Reboot? {
        defer { bootID = event.bootID }
        guard let bootID, bootID != event.bootID else { return nil }
        return Reboot(clocks: self, bootedNs: nowNs - event.bootNs, lastNs: lastNs, nowNs: nowNs)
    }

    /// The true time in which the boot clock counts so much.
    func trueNs(_ bootNs: Int64) -> Int64 {
        bootNs.saturatingAdd(bootNs / 1_000_000 * -driftPPM)
    }

    /// The same where a reboot may come in between: the wall clock, which counts then, is true.
    func boundsNs(_ bootNs: Int64) -> ClosedRange<Int64> {
        min(bootNs, trueNs(bootNs))...max(bootNs, trueNs(bootNs))
    }

    /// How far the end of a wait by the boot clock is from that by the wall clock, which counts
    /// after a reboot.
    func driftNs(_ waitNs: Int64) -> Int64 { abs(trueNs(waitNs) - waitNs) }
}

/// What a machine makes of times before its reboot.
struct Reboot {
    fileprivate let clocks: MachineClocks
    /// When it booted.
    fileprivate let bootedNs: Int64
    /// The last event before.
    fileprivate let lastNs: Int64
    fileprivate let nowNs: Int64

    /// Something that was: what is known for certain is how long the machine has been up.
    func past(_ moment: Moment) -> Moment {
        let ahead = max(moment.latest.saturatingAdd(-lastNs), 0)
        let late = bootedNs.saturatingAdd(ahead)
        let slack = MachineClocks.slackNs
        guard clocks.isWallTrue else { return Moment(earliest: .min, latest: late) }
        return Moment(
            earliest: moment.earliest.saturatingAdd(-slack),
            latest: min(late, moment.latest.saturatingAdd(slack)))
    }

    /// The end of a wait: no more of it is left than was at the last event.
    func deadline(_ moment: Moment) -> Moment {
        let slack = MachineClocks.slackNs
        var after = moment
        if moment.latest > lastNs {
            let left = moment.latest - lastNs
            let late = nowNs.saturatingAdd(left)
            let byWall = moment.latest.saturatingAdd(slack + clocks.driftNs(left))
            after.latest = clocks.isWallTrue ? min(late, byWall) : late
        }
        // A wall clock that was set may say that it is over.
        let early = moment.earliest > lastNs ? clocks.driftNs(moment.earliest - lastNs) : 0
        after.earliest =
            clocks.isWallTrue ? moment.earliest.saturatingAdd(-slack - early) : .min
        return after
    }
}
