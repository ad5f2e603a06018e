import Glibc
import SyncCore
import SyncEngine

/// How often and for how long it is tried to reach somebody.
struct AlertTries {
    let most: Int
    /// What one try may take.
    let timeoutMs: Int64
    /// When all of them end, by the clock since boot; nil: each has its whole time.
    var endNs: Int64?

    private static let pauseMs: UInt32 = 500
    private static let longestPauseMs: UInt32 = 10_000
    /// One that has less would say nothing of whom it tries.
    private static let leastMs: Int64 = 1_000

    /// Tries until it is delivered or refused, with longer and longer pauses, until the time is
    /// over or a signal comes.
    ///
    /// - Parameter attempt: gets what it may take, in milliseconds.
    func run(_ attempt: (_ timeoutMs: Int64) -> AlertChannel.Attempt) -> AlertChannel.Outcome {
        var outcome = AlertChannel.Outcome(problem: "no time was left for a try")
        while outcome.attempts < most, let timeoutMs = timeMs {
            outcome.attempts += 1
            switch attempt(timeoutMs) {
            case .delivered:
                outcome.problem = nil
                return outcome
            case .refused(let text):
                outcome.problem = text
                return outcome
            case .failed(let text): outcome.problem = text
            }
            let wait = min(Self.pauseMs << (outcome.attempts - 1), Self.longestPauseMs)
            guard outcome.attempts < most, pause(ms: wait) else { break }
        }
        return outcome
    }

    /// What a try may take that is begun now; nil where none is.
    private var timeMs: Int64? {
        guard let endNs else { return timeoutMs }
        let leftMs = (endNs - SystemClock().read().bootNs) / .nsPerMs
        return leftMs < Self.leastMs ? nil : min(timeoutMs, leftMs)
    }

    /// - Returns: false when a signal came, or no time is left.
    private func pause(ms: UInt32) -> Bool {
        var left = ms
        while left > 0, !Interruption.isAsked, timeMs != nil {
            usleep(min(left, 50) * 1_000)
            left -= min(left, 50)
        }
        return !Interruption.isAsked
    }
}
