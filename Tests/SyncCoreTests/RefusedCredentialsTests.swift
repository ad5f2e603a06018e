import SyncCore
import TestSupport
import Testing

@Suite struct RefusedCredentialsTests {
    /// The API says 403 of one record, which is in the first batch that is asked for.
    @Test func aRecordThatNobodyMayReadHoldsUpNoOther() throws {
        var core = CoreHarness()
        var api = FakeAPI(1...10)
        var policy = Policy.small
        policy.detail?.batch = 5
        policy.detail?.concurrency = 1
        func run(_ mode: RunMode = .full) {
            core.request(mode, policy: policy)
            core.finish(with: api) { request, _ in
                guard case .detail(let ids) = request.kind, ids.contains(RecordID("10")) else {
                    return nil
                }
                return .failure(.auth, status: 403)
            }
            #expect(core.finished.last?.exitCode == 4)
        }
        for (mode, synced) in [(RunMode.full, 0), (.detailsOnly, 5), (.detailsOnly, 9)] {
            run(mode)
            #expect(core.control[CoreHarness.stream].counts.synced == synced)
        }
        #expect(core.row("10")?.attempts == 0)
        // What changes comes before what is tried again.
        for id in 1...3 { (api.headers[id], api.details[id]) = (2, 2) }
        run()
        #expect(core.control[CoreHarness.stream].counts.synced == 9)
    }

    @Test func credentialsThatAreRefusedForEverythingChangeNoRecord() throws {
        var core = CoreHarness()
        let api = FakeAPI(1...10)
        core.request()
        core.finish(with: api) { request, _ in
            guard case .detail = request.kind else { return nil }
            return .failure(.auth, status: 401)
        }
        #expect(core.finished.last?.exitCode == 4)
        #expect(core.control[CoreHarness.stream].counts.pending == 10)
    }
}
