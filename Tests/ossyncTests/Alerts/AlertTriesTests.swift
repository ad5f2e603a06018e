import SyncCore
import SyncEngine
import Testing

@testable import ossync

@Suite struct AlertTriesTests {
    private let nowNs = SystemClock().read().bootNs

    @Test func itIsTriedUntilItIsDelivered() {
        var times: [Int64] = []
        let outcome = AlertTries(most: 3, timeoutMs: 10_000).run { timeoutMs in
            times.append(timeoutMs)
            return times.count < 2 ? .failed("once") : .delivered
        }
        #expect((outcome.attempts, outcome.problem) == (2, nil))
        #expect(times == [10_000, 10_000])
    }

    @Test func whatIsRefusedIsNotTriedAgain() {
        let outcome = AlertTries(most: 3, timeoutMs: 10_000).run { _ in .refused("no") }
        #expect((outcome.attempts, outcome.problem) == (1, "no"))
    }

    @Test func aTryGetsNoMoreThanWhatIsLeft() {
        let tries = AlertTries(
            most: 1, timeoutMs: 300_000, endNs: nowNs + 45 * .nsPerSecond)
        var given: Int64 = 0
        _ = tries.run {
            given = $0
            return .delivered
        }
        #expect((1_000...45_000).contains(given))
    }

    @Test func whenTheTimeIsOverNoneIsBegunAndNothingCountsAsDelivered() {
        let tries = AlertTries(most: 3, timeoutMs: 10_000, endNs: nowNs + 900 * .nsPerMs)
        var count = 0
        let outcome = tries.run { _ in
            count += 1
            return .delivered
        }
        #expect((count, outcome.attempts) == (0, 0))
        #expect(outcome.problem != nil)
    }
}
