import EventLog
import SyncCore
import SyncEngine
import TestSupport
import Testing

/// A dictionary is made when there is enough to learn from, once.
@Suite struct EngineDictionaryTests {
    private static let api: FakeAPI = {
        var api = FakeAPI(1...80)
        api.detailText = { "{\"id\":\($0),\"status\":\"waiting for spare parts\"}" }
        return api
    }()

    /// Which dictionaries an engine makes in a run.
    private func run(_ fixture: EngineFixture, _ mode: RunMode = .full) throws -> [EventType] {
        let before = fixture.engine.control.position
        try fixture.process(fixture.starting(mode) + fixture.engine.dictionaryInput())
        while fixture.finished == nil {
            try fixture.process(fixture.answers(Self.api) + fixture.engine.dictionaryInput())
        }
        return try fixture.events().filter { $0.position > before }.compactMap { logged in
            guard case .dictionaryTrained(let trained) = logged.event else { return nil }
            return trained.type
        }
    }

    @Test func afterSoManyTextsAndNotAgain() throws {
        let fixture = try EngineFixture(sampleBytes: 1_500)
        let made = try run(fixture)
        #expect(made.sorted { $0.rawValue < $1.rawValue } == [.pageFetched, .detailsFetched])
        let details = try fixture.events().filter { $0.event.type == .detailsFetched }
        let trained = try #require(
            try fixture.events().last { $0.event.type == .dictionaryTrained })
        #expect(trained.position < (details.last?.position ?? .none))
        #expect(try LogVerifier(fixture.log).run().isClean)
        #expect(try run(fixture).isEmpty)
    }

    @Test func atAStartWhereEachRunBringsLittle() throws {
        let folder = TemporaryFolder()
        #expect(try run(EngineFixture(folder, sampleBytes: 1 << 20)).isEmpty)
        // Another engine counts from 0, but looks at what is there.
        let made = try run(EngineFixture(folder, sampleBytes: 3_000), .incremental)
        #expect(made.contains(.detailsFetched))
    }
}
