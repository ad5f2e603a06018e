internal import SyncCore
internal import Synchronization

/// Clocks that move only when told: the true time, which the server goes by, and the machine's
/// boot and wall clocks over it.
final class VirtualClock: TimeSource {
    private struct State {
        var nowNs: Int64 = 1_000 * .nsPerSecond
        var bootedNs: Int64 = 0
        var boots = 1
        /// How far the wall clock is from the true time.
        var wallErrorNs: Int64 = 0
    }

    /// 2026-01-01T00:00:00Z, as the simulated ERP has it at its time 0.
    private static let epochNs: Int64 = 1_767_225_600 * .nsPerSecond
    private let state = Mutex(State())

    /// The true time.
    var nowNs: Int64 { state.withLock { $0.nowNs } }

    func read() -> ClockReading {
        state.withLock { state in
            ClockReading(
                bootID: "boot-\(state.boots)", bootNs: state.nowNs - state.bootedNs,
                wall: LogTime(nanoseconds: Self.epochNs + state.nowNs + state.wallErrorNs))
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

    /// Sets the wall clock, as an administrator or NTP does.
    func stepWall(byNs step: Int64) { state.withLock { $0.wallErrorNs += step } }

    /// The true time at which the boot clock reads `bootNs`.
    func trueTime(atBootNs bootNs: Int64) -> Int64 {
        state.withLock { bootNs.saturatingAdd($0.bootedNs) }
    }
}
