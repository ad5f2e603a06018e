internal import SyncCore

/// Says at which of the points where the process may die it does.
///
/// Points are counted over all processes: before and after a commit, after each effect, around the
/// opening of the store, and, where the disk can be made to fail, each call that changes a file.
struct CrashSchedule {
    /// Points that the machine has passed.
    private(set) var passed = 0
    private(set) var crashes = 0
    private var next: Int?
    private var listed: ArraySlice<Int> = []
    private var draw: (generator: SeededGenerator, most: Int, gap: Int, isStorm: Bool)?

    /// About so many points a step: its commit writes some pages.
    private static let pointsPerStep = 8
    /// About so many points a compaction, or a redaction, of a small store.
    private static let pointsOfUpkeep = 45

    /// At the points that the plan's seed draws.
    init(_ plan: SimulationPlan) {
        draw = (
            SeededGenerator(plan.seed, 0x0554, 0), plan.crashes, plan.crashGap, plan.isStorm
        )
        plan.crashes > 0 ? scheduleNext(isSoon: false) : nil
    }

    /// At these points, ascending from 1.
    init(at points: [Int]) {
        listed = points[...]
        next = listed.popFirst()
    }

    /// How many points ahead the next crash is; nil when there is none.
    var distance: Int? { next.map { $0 - passed } }

    /// Passes one point.
    ///
    /// - Returns: whether the process dies at it.
    mutating func strikes() -> Bool {
        passed += 1
        guard passed == next else { return false }
        struck()
        return true
    }

    /// Passes the calls that a stretch of work made.
    mutating func pass(_ report: DiskFaults.Report) {
        guard report.isStruck else {
            passed += report.calls
            return
        }
        // What a dead process still tried was no point.
        passed = next ?? passed
        struck()
    }

    /// Before something that few of the points are in: if there is another crash to come, it comes
    /// soon, as often as not.
    mutating func hasten() {
        guard var draw, let next, next - passed > Self.pointsOfUpkeep else { return }
        if draw.generator.below(2) == 0 {
            self.next = passed + 1 + draw.generator.below(Self.pointsOfUpkeep)
        }
        self.draw = draw
    }

    private mutating func struck() {
        crashes += 1
        next = nil
        if let point = listed.popFirst() {
            next = point
        } else if let draw, crashes < draw.most {
            // Now and then the next process doesn't survive its start either.
            var generator = draw.generator
            let isSoon = generator.below(draw.isStorm ? 2 : 4) == 0
            self.draw?.generator = generator
            scheduleNext(isSoon: isSoon)
        }
    }

    private mutating func scheduleNext(isSoon: Bool) {
        guard var draw else { return }
        let most = (isSoon ? 3 : 2 * draw.gap) * Self.pointsPerStep
        next = passed + 1 + draw.generator.below(most)
        self.draw = draw
    }
}
