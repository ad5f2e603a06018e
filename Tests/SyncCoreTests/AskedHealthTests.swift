import SyncCore
import TestSupport
import Testing

/// A check of the health that another process asks a run for.
@Suite struct AskedHealthTests {
    private let requester = Requester(pid: 2, host: "host", user: "other", request: 7)
    private let api = FakeAPI(1...25)

    private func asked() -> CoreHarness {
        var core = CoreHarness()
        core.request()
        ask(&core)
        return core
    }

    private func ask(_ core: inout CoreHarness) {
        core.feed(
            .healthRequested(HealthRequested(requester: requester)), stream: CoreHarness.stream)
        core.feedTime()
    }

    private func healthIntents(_ core: CoreHarness) -> [LoggedEvent] {
        core.log.filter {
            guard case .requestIntended(let event) = $0.event else { return false }
            return event.endpoint == .health
        }
    }

    @Test func itIsSentOnceAndNamesWhoAsked() throws {
        var core = asked()
        // The list goes alone.
        #expect(core.wire.map(\.endpoint) == [.list])
        core.answer(core.wire[0], api.answer(core.wire[0]))
        #expect(core.wire.map(\.endpoint) == [.health])
        core.finish(with: api)
        let intents = healthIntents(core)
        #expect(intents.count == 1)
        let fact = try #require(core.log.first { $0.event.type == .healthRequested })
        #expect(intents.first?.cause == fact.position)
        #expect(fact.event.requester == requester)
        let end = try #require(core.finished.last)
        #expect(end.outcome == .completed)
        #expect(end.counters.otherRequests == 1)
        #expect(end.counters.detailed == 25)
    }

    @Test func whatItMeetsIsNoneOfTheRuns() {
        for failure in [FailureClass.network, .auth, .server, .unusable] {
            var core = asked()
            core.finish(with: api) { request, _ in
                request.endpoint == .health ? .failure(failure) : nil
            }
            #expect(core.finished.last?.outcome == .completed, "\(failure)")
            #expect(core.count(.backoffApplied) == 0, "\(failure)")
            #expect(core.control[CoreHarness.stream].lastError == nil, "\(failure)")
        }
    }

    /// A server whose health is fine and whose list is not must not hold a run for ever.
    @Test(arguments: [FailureClass.server, .unavailable])
    func thatTheAPIIsHealthyDoesNotForgiveTheList(failure: FailureClass) throws {
        var core = CoreHarness()
        core.request()
        while core.control.invocation != nil, core.count(.healthChecked) < 50 {
            guard let request = core.wire.first else {
                core.now = try #require(core.wake)
                core.feedTime()
                continue
            }
            let isList = request.endpoint == .list
            if isList { ask(&core) }
            core.answer(request, isList ? .failure(failure) : api.answer(request))
        }
        #expect(core.finished.last?.reason == .unavailable)
    }

    /// The limits admit it later than the run's end: who asked makes it then.
    @Test func aRunThatIsDoneWaitsForNoCheck() {
        var core = CoreHarness()
        let window = RateWindow(name: "hour", requests: 8, periodNs: 3_600 * .nsPerSecond)
        core.request(policy: .limited(window))
        while core.control.invocation != nil, let request = core.wire.first {
            if core.count(.requestIntended) == 8, core.count(.healthRequested) == 0 { ask(&core) }
            core.answer(request, api.answer(request))
        }
        #expect(core.count(.healthRequested) == 1)
        #expect(core.finished.last?.outcome == .completed)
        #expect(core.finished.last?.reason == nil)
        #expect(healthIntents(core).isEmpty)
    }

    @Test func aRunThatStopsOwesNothing() {
        var core = CoreHarness()
        core.request()
        core.feed(.cancelRequested(CancelRequested(signal: .sigterm, requester: requester)))
        ask(&core)
        core.finish(with: api)
        #expect(core.finished.last?.text == "stopped by request")
        #expect(healthIntents(core).isEmpty)
    }
}
