internal import Locks
internal import SyncCore

/// Clocks that move only when told: the true time, which the server goes by, and the machine's
/// boot and wall clocks over it.
final class VirtualClock: TimeSource {
    private struct State {
        var nowNs = VirtualClock.firstNs
        var bootedNs: Int64 = 0
        var boots = 1
        /// How far the wall clock is from the true time.
        var wallErrorNs: Int64 = 0
        /// How far it is behind beside that, since the machine booted without knowing the time.
        var lostNs: Int64 = 0
    }

    /// The true time at the start, by the clock that counts it.
    static let firstNs: Int64 = 1_000 * .nsPerSecond
    /// The wall clock's reading at the true time 0, while nobody set it.
    private let epochNs: Int64
    /// How much faster than true the boot clock runs, in millionths.
    private let driftPPM: Int64
    private let state = Mutex(State())

    /// - Parameter startNs: nanoseconds of UTC at the start.
    init(startNs: Int64, driftPPM: Int64 = 0) {
        epochNs = startNs - Self.firstNs
        self.driftPPM = driftPPM
    }

    /// The true time.
    var nowNs: Int64 { state.withLock { $0.nowNs } }

    func read() -> ClockReading {
        state.withLock { state in
            ClockReading(
                bootID: "boot-\(state.boots)",
                bootNs: drifted(state.nowNs - state.bootedNs),
                wall: LogTime(
                    nanoseconds: epochNs + state.nowNs + state.wallErrorNs - state.lostNs))
        }
    }

    /// Moves on to a true time; never back.
    func advance(toNs time: Int64) {
        state.withLock { state in
            precondition(time >= state.nowNs, "the virtual clock went back")
            state.nowNs = time
        }
    }

    /// Another boot of the machine, `uptimeNs` ago.
    func reboot(uptimeNs: Int64) {
        state.withLock { state in
            state.boots += 1
            state.bootedNs = state.nowNs - uptimeNs
        }
    }

    /// The wall clock begins at 2000 with this boot, as it does where its battery is dead.
    ///
    /// - Returns: false where it was behind that: a jump forward across a reboot is more than the
    ///   limiter can know.
    func loseTime() -> Bool {
        state.withLock { state in
            let wall = epochNs + state.nowNs + state.wallErrorNs
            let lostNs = wall - Self.year2000Ns - (state.nowNs - state.bootedNs)
            guard lostNs >= state.lostNs else { return false }
            state.lostNs = lostNs
            return true
        }
    }

    /// Whether the wall clock has not been told the time since it was lost.
    var isLost: Bool { state.withLock { $0.lostNs != 0 } }

    /// Sets a wall clock that began at 2000 right.
    func findTime() { state.withLock { $0.lostNs = 0 } }

    private static let year2000Ns: Int64 = 946_684_800 * .nsPerSecond

    /// Sets the wall clock, as an administrator or NTP does.
    func stepWall(byNs step: Int64) { state.withLock { $0.wallErrorNs += step } }

    /// The first true time at which the boot clock reads `bootNs` or more.
    func trueTime(atBootNs bootNs: Int64) -> Int64 {
        var elapsed = Int64(
            clamping: Int128(bootNs) * Self.million / (Self.million + Int128(driftPPM)))
        while elapsed < .max, drifted(elapsed) < bootNs { elapsed += 1 }
        return state.withLock { elapsed.saturatingAdd($0.bootedNs) }
    }

    /// What the boot clock counts while so much true time goes by.
    private func drifted(_ elapsed: Int64) -> Int64 {
        Int64(clamping: Int128(elapsed) * (Self.million + Int128(driftPPM)) / Self.million)
    }

    private static let million: Int128 = 1_000_000
}
