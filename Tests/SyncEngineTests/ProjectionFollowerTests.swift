import EventLog
import Glibc
import Locks
import Projections
import Records
import SyncCore
import SyncEngine
import TestSupport
import Testing

@Suite struct ProjectionFollowerTests {
    private func projector(_ store: String, _ log: EventLog) throws -> sending RecordProjector {
        let columns = [
            ColumnMapping.Column(
                name: "customer", source: .value(try JSONPointer("/customer")), type: .text)
        ]
        return try RecordProjector(
            RecordProjection(name: "os", mapping: try ColumnMapping(columns)),
            folder: StoreFolder(store).projections, log: log)
    }

    @Test func itCatchesUpWhenTheLogHasGrownByAThousandEvents() throws {
        let fixture = try EngineFixture()
        let follower = ProjectionFollower([try projector(fixture.folder.path, fixture.log)])
        try fixture.process(fixture.starting())
        try fixture.finish(with: FakeAPI(1...23))
        follower.logGrew(by: 1_000)
        let reader = try projector(fixture.folder.path, fixture.log)
        // It works on a thread of its own; a follower that doesn't would be noticed here.
        var rounds = 0
        while try reader.standing()?.position != fixture.engine.control.position, rounds < 20_000 {
            rounds += 1
            usleep(1_000)
        }
        #expect(try reader.standing()?.position == fixture.engine.control.position)
        #expect(try reader.standing()?.rows == 23)
        follower.stop()
    }

    @Test func whatGoesWrongWithTheProjectionNeverStopsTheSync() throws {
        let fixture = try EngineFixture()
        let told = Mutex<[String]>([])
        let follower = ProjectionFollower([try projector(fixture.folder.path, fixture.log)]) {
            error in
            told.withLock { $0.append("\(error)") }
        }
        TemporaryFolder.remove(StoreFolder(fixture.folder.path).projections)
        Bytes.write([1], StoreFolder(fixture.folder.path).projections)
        fixture.engine.observer = { events, _ in follower.logGrew(by: 1_000 * events.count) }
        try fixture.process(fixture.starting())
        try fixture.finish(with: FakeAPI(1...23))
        while told.withLock({ $0.isEmpty }) { sched_yield() }
        follower.stop()
        #expect(fixture.finished?.outcome == .completed)
        #expect(told.withLock { $0.count } == 1, "once, however often it fails")
    }

    /// Each is on its own; one that fails is left alone for a while: what it tries may cost much.
    @Test func oneThatFailsKeepsNoOtherFromFollowing() throws {
        let counts = Mutex<[String: Int]>([:])
        let follower = ProjectionFollower([
            Followed(fails: true) { counts.withLock { $0["failing", default: 0] += 1 } },
            Followed(fails: false) { counts.withLock { $0["other", default: 0] += 1 } },
        ])
        for round in 1...5 {
            follower.logGrew(by: 1_000)
            while counts.withLock({ $0["other", default: 0] }) < round { sched_yield() }
        }
        follower.stop()
        #expect(counts.withLock { $0["failing"] } == 1)
    }

    @Test func stoppingEndsItsThreadAndMayBeDoneTwice() throws {
        let fixture = try EngineFixture()
        let follower = ProjectionFollower([try projector(fixture.folder.path, fixture.log)])
        follower.stop()
        follower.stop()
        follower.logGrew(by: 5_000)
    }
}

private final class Followed: FollowingProjection {
    private let fails: Bool
    private let told: @Sendable () -> Void

    init(fails: Bool, told: @escaping @Sendable () -> Void) {
        self.fails = fails
        self.told = told
    }

    func follow() throws(ProjectionError) {
        told()
        if fails { throw .unfinished(projection: "failing") }
    }
}
