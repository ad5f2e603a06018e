/// Runs many schedules one after the other, and sums up.
package struct LimiterCampaign: Sendable {
    package private(set) var schedules = 0
    package private(set) var violations: [LimiterSchedule.Violation] = []
    private var figures = LimiterSchedule.Figures()
    private var bucketed = 0
    private static let meetsAll = 1_000

    package init() {}

    package mutating func run(_ seed: UInt64) {
        schedules += 1
        var schedule = LimiterSchedule(seed: seed)
        do throws(LimiterSchedule.Violation) {
            add(try schedule.run())
        } catch {
            violations.append(error)
        }
    }

    /// Counts another campaign in.
    package mutating func add(_ other: LimiterCampaign) {
        schedules += other.schedules
        violations += other.violations
        bucketed += other.bucketed
        add(other.figures)
    }

    private mutating func add(_ done: LimiterSchedule.Figures) {
        figures.requests += done.requests
        figures.crashes += done.crashes
        figures.reboots += done.reboots
        figures.wallSteps += done.wallSteps
        figures.timeouts += done.timeouts
        figures.lateArrivals += done.lateArrivals
        if done.isBucketed { bucketed += 1 }
    }

    /// What did not happen in any of them, where there were enough to meet everything.
    package var missing: [String] {
        guard schedules >= Self.meetsAll else { return [] }
        return [
            ("crashes", figures.crashes), ("reboots", figures.reboots),
            ("steps of the wall clock", figures.wallSteps), ("timeouts", figures.timeouts),
            ("arrivals after a timeout", figures.lateArrivals),
            ("slots in buckets", bucketed),
        ].filter { $0.1 == 0 }.map(\.0)
    }

    package var summary: String {
        "\(schedules) schedules, \(violations.count) failed; \(figures.requests) requests, "
            + "\(figures.crashes) crashes, \(figures.reboots) reboots, \(figures.wallSteps) steps "
            + "of the wall clock, \(figures.timeouts) timeouts, \(figures.lateArrivals) arrivals "
            + "after one; \(bucketed) with slots in buckets"
    }
}
