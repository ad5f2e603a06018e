import SyncCore
import Testing

@testable import Simulation

struct VirtualClockTests {
    @Test(arguments: [-60, -1, 0, 7, 60] as [Int64])
    func theBootClockDriftsAndNeverGoesBack(ppm: Int64) {
        let clock = VirtualClock(startNs: 1_800_000_000 * .nsPerSecond, driftPPM: ppm)
        let start = clock.read()
        var random = SeededGenerator(seed: UInt64(bitPattern: ppm))
        var last = start.bootNs
        for _ in 0..<1_000 {
            clock.advance(toNs: clock.nowNs + Int64(random.below(2_000_000)))
            let now = clock.read().bootNs
            #expect(now >= last)
            last = now
        }
        clock.advance(toNs: VirtualClock.firstNs + 1_000_000 * .nsPerSecond)
        let end = clock.read()
        #expect(end.wall.since(start.wall) == 1_000_000 * .nsPerSecond)
        let drifted = end.bootNs - start.bootNs - 1_000_000 * .nsPerSecond
        #expect(abs(drifted - ppm * .nsPerSecond) <= 1)
    }

    @Test func aTimeOfTheBootClockIsReachedAtItsTrueTimeAndNotBefore() {
        for ppm in [-60, 0, 60] as [Int64] {
            let clock = VirtualClock(startNs: 1_800_000_000 * .nsPerSecond, driftPPM: ppm)
            var random = SeededGenerator(seed: 5)
            for _ in 0..<500 {
                let wanted = clock.read().bootNs + 1 + Int64(random.below(1 << 40))
                let time = clock.trueTime(atBootNs: wanted)
                clock.advance(toNs: time - 1)
                #expect(clock.read().bootNs < wanted)
                clock.advance(toNs: time)
                #expect(clock.read().bootNs >= wanted)
                if random.below(50) == 0 { clock.reboot(uptimeNs: 1_000) }
            }
            #expect(clock.trueTime(atBootNs: .max) > .max / 2)
        }
    }

    @Test func aDeadBatteryBeginsAt2000UntilTheTimeIsSet() {
        let clock = VirtualClock(startNs: 1_800_000_000 * .nsPerSecond)
        clock.stepWall(byNs: 5)
        let before = clock.read()
        clock.reboot(uptimeNs: 3 * .nsPerSecond)
        #expect(clock.loseTime())
        #expect(clock.isLost)
        #expect(clock.read().wall.rfc3339() == "2000-01-01T00:00:03.000Z")
        #expect(clock.read().bootID != before.bootID)
        clock.findTime()
        #expect(!clock.isLost)
        #expect(clock.read().wall == before.wall)
    }

    /// Else it would jump forward while the machine is off, which nobody promises to notice.
    @Test func aClockThatIsBehindADeadBatteryStaysBehind() {
        let clock = VirtualClock(startNs: 1_800_000_000 * .nsPerSecond)
        clock.reboot(uptimeNs: 0)
        #expect(clock.loseTime())
        clock.stepWall(byNs: -60 * .nsPerSecond)
        clock.reboot(uptimeNs: 0)
        #expect(!clock.loseTime())
        #expect(clock.read().wall.rfc3339() == "1999-12-31T23:59:00.000Z")
    }

    /// By the calendar of the simulated ERP, which is not the product's.
    @Test func yearsAndLeapDaysBeginAtTheirMoments() {
        for (seconds, kind) in SimulationPlan.moments {
            let (before, after) = (CivilTime(seconds: seconds - 1), CivilTime(seconds: seconds))
            switch kind {
            case .yearChange where seconds % 86_400 == 0: #expect(after.year == before.year + 1)
            case .yearChange: #expect(CivilTime(seconds: seconds - 10_800).date.hasSuffix("-01-01"))
            case .leapDay:
                #expect(["02-28", "02-29"].contains(String(before.date.suffix(5))))
                #expect(before.date != after.date)
            // The offsets of the zones that change then: 1 h for Europe, -5 h or -4 h for New York.
            default: #expect(after.weekday == 0 && seconds % 3_600 == 0)
            }
        }
    }
}
