import EventLog
import SyncCore
import SyncEngine
import TestSupport
import Testing

/// The clocks of the machine, as the log records them.
@Suite struct EngineClockTests {
    private func anchors(_ fixture: EngineFixture) throws -> [ClockAnchored] {
        try fixture.events().compactMap { event in
            if case .clockAnchored(let anchor) = event.event { anchor } else { nil }
        }
    }

    @Test func timesFollowTheBootClock() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let start = try #require(try fixture.events().last).time
        fixture.clock.advance(seconds: 5)
        // Less than a second apart: the anchor stands.
        fixture.clock.setWall(by: 900)
        try fixture.process(fixture.answers(FakeAPI(1...3)))
        #expect(try anchors(fixture).count == 1)
        #expect(try fixture.events().last?.time == start.adding(ms: 5_000))
    }

    @Test(arguments: [1_100, -1_100, 86_400_000, -86_400_000] as [Int64])
    func aWallClockThatWasSetIsAnchoredBeforeAnythingElse(ms: Int64) throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let start = try #require(try fixture.events().last)
        fixture.clock.advance(seconds: 5)
        fixture.clock.setWall(by: ms)
        try fixture.process(fixture.answers(FakeAPI(1...3)))
        let anchor = try #require(try anchors(fixture).last)
        #expect(!anchor.isEngineStart)
        let after = try #require(try fixture.events().first { $0.position > start.position })
        #expect(after.event.type == .clockAnchored)
        #expect(after.time == start.time.adding(ms: 5_000 + ms))
        #expect(try fixture.events().last?.time == after.time)
        #expect(fixture.engine.control.inFlight.count > 0)
    }

    private static let yearMs: Int64 = 31_556_952_000

    /// A battery that is dead lets clocks begin anywhere.
    @Test(arguments: [-53, 20, 90] as [Int64])
    func aStoreIsReadThoughTheClockWasDecadesOff(years: Int64) throws {
        let fixture = try EngineFixture()
        fixture.clock.setWall(by: years * Self.yearMs)
        try fixture.process(fixture.starting())
        fixture.clock.setWall(by: -years * Self.yearMs)
        try fixture.process(fixture.answers(FakeAPI(1...3)))
        try fixture.finish(with: FakeAPI(1...3))
        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        #expect(next.engine.control.position == fixture.engine.control.position)
        #expect(try LogVerifier(next.log).run().problems.isEmpty)
    }

    @Test func nothingIsWrittenByAClockThatNoStoreCouldRecord() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting())
        let position = fixture.engine.control.position
        fixture.clock.setWall(by: 200 * Self.yearMs)
        let answers = fixture.answers(FakeAPI(1...3))
        #expect {
            try fixture.process(answers)
        } throws: { error in
            "\(error)".contains("set the clock") && (error as? EngineError)?.exitCode == 1
        }
        #expect(fixture.engine.control.position == position)
        #expect(try fixture.events().last?.position == position)
        fixture.clock.setWall(by: -200 * Self.yearMs)
        try fixture.process(answers)
        #expect(fixture.engine.control.position > position)
    }

    private var oneAMinute: Policy {
        var policy = Policy.small
        policy.limits.windows = [
            RateWindow(name: "minute", requests: 1, periodNs: 60 * .nsPerSecond)
        ]
        return policy
    }

    /// A jump of the wall clock must neither open the budget nor close it.
    @Test(arguments: [3_600_000, -3_600_000] as [Int64])
    func theBudgetDoesntMoveWithTheWallClock(ms: Int64) throws {
        let fixture = try EngineFixture()
        let api = FakeAPI(1...30)
        try fixture.process(fixture.starting(policy: oneAMinute))
        try fixture.process(fixture.answers(api))
        #expect(fixture.wire == [])
        fixture.clock.advance(seconds: 30)
        fixture.clock.setWall(by: ms)
        try fixture.process([.timeReached])
        #expect(fixture.wire == [])
        let now = fixture.clock.read().wall
        let wait = try #require(fixture.wake).since(now)
        #expect(wait > 30 * .nsPerSecond && wait < 31 * .nsPerSecond)
        fixture.clock.advance(seconds: 31)
        try fixture.process([.timeReached])
        #expect(fixture.wire.count == 1)
    }

    @Test func theBudgetOutlivesAReboot() throws {
        let fixture = try EngineFixture()
        let api = FakeAPI(1...30)
        try fixture.process(fixture.starting(policy: oneAMinute))
        try fixture.process(fixture.answers(api))
        // Up again after 20 s, of which 10 s since the boot.
        fixture.clock.reboot(upSeconds: 10, awaySeconds: 20)
        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        try next.process(next.starting(.resume, policy: oneAMinute))
        #expect(next.engine.control.clock?.bootID == "boot-1'")
        #expect(next.wire == [])
        let wait = try #require(next.wake).since(fixture.clock.read().wall)
        #expect(wait > 40 * .nsPerSecond && wait < 42 * .nsPerSecond)
    }

    @Test func afterLongUptimeARebootFreesTheBudgetWhateverTheWallClockSays() throws {
        let fixture = try EngineFixture()
        try fixture.process(fixture.starting(policy: oneAMinute))
        try fixture.process(fixture.answers(FakeAPI(1...30)))
        fixture.clock.reboot(upSeconds: 70, awaySeconds: -3_600)
        let next = try EngineFixture(fixture.folder, clock: fixture.clock)
        try next.process(next.starting(.resume, policy: oneAMinute))
        #expect(next.wire.count == 1)
    }
}
