import SyncCore
import SyncEngine
import TestSupport
import Testing

/// What a log's refusals teach about the server, and who is refused by that.
@Suite struct RecordedLimitsTests {
    private let windows = [
        RateWindow(name: "burst", requests: 0, periodNs: 10),
        RateWindow(name: "long", requests: 0, periodNs: 100),
    ]

    /// As it is said, without any search.
    private struct Plain {
        var windows: [(admits: Int, periodNs: Int64)] = []
        var taken: [Int64] = []

        init(_ admitted: [Int64], _ refused: [Int64], _ periods: [Int64]) {
            for period in periods {
                func count(_ end: Int64) -> Int {
                    admitted.count { $0 > end - period && $0 <= end }
                }
                let most = admitted.map(count).max() ?? 0
                if most > 0, refused.contains(where: { count($0) >= most }) {
                    windows.append((most, period))
                }
            }
        }

        mutating func admits(_ now: Int64) -> Bool {
            let isFree = windows.allSatisfy { window in
                taken.count { $0 > now - window.periodNs } < window.admits
            }
            if isFree { taken.append(now) }
            return isFree
        }
    }

    @Test func itIsWhatASearchThroughAllWouldFind() {
        var generator = SeededGenerator(seed: 11)
        var refusals = 0
        for _ in 0..<200 {
            var known = RecordedLimits()
            let admitted = (0..<40).map { _ in Int64(generator.below(300)) }
            let refused = (0..<Int(generator.below(4))).map { _ in Int64(generator.below(300)) }
            for time in admitted { known.admitted(at: time) }
            for time in refused { known.refused(at: time, waitMs: nil) }
            known.settle(windows)
            var plain = Plain(admitted, refused, windows.map(\.periodNs))
            var now: Int64 = 1_000
            for _ in 0..<200 {
                now += Int64(generator.below(4))
                let isRefused = known.refusal(at: now) != nil
                if !isRefused { known.take(now) }
                #expect(isRefused == !plain.admits(now))
                if isRefused { refusals += 1 }
            }
        }
        #expect(refusals > 1_000)
    }

    /// Looking at all that came before would take hours here.
    @Test func manyRequestsInOneWindowTakeASearchEach() {
        let day = RateWindow(name: "day", requests: 0, periodNs: 86_400 * .nsPerSecond)
        var known = RecordedLimits()
        for number in 0..<Int64(100_000) {
            known.admitted(at: number * .nsPerMs)
            if number % 10 == 0 { known.refused(at: number * .nsPerMs, waitMs: nil) }
        }
        known.refused(at: 100_000 * .nsPerMs, waitMs: nil)
        known.settle([day])
        var refused = 0
        for number in 0..<Int64(200_000) {
            let now = 200_000 * .nsPerSecond + number * .nsPerMs
            if known.refusal(at: now) == nil { known.take(now) } else { refused += 1 }
        }
        #expect(refused == 100_000)
    }

    @Test func numbersThatCantBeEndNothing() {
        var known = RecordedLimits()
        for time in [Int64.min / 4, 0, Int64.max / 2] {
            known.admitted(at: time)
            known.refused(at: time, waitMs: .min)
        }
        for period in [Int64.min, -1, 0, .max] {
            known.settle([RateWindow(name: "odd", requests: .max, periodNs: period)])
            for now in [Int64.min / 4, 0, Int64.max / 2] {
                if known.refusal(at: now) == nil { known.take(now) }
            }
        }
    }
}
