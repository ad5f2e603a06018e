import FaultyDisk
import Glibc
import SyncCore
import Testing

@testable import Simulation

/// A token that got into what is kept is found, wherever it is.
@Suite struct SecretSearchTests {
    private let search = SecretSearch("simulated/token")

    private func found(_ event: Event) -> Bool {
        var violations = Violations()
        search.search(
            LoggedEvent(
                position: Position(1), time: .zero, stream: .none, run: .none, cause: .none,
                startsStep: true, event: event), &violations)
        return violations.found.contains { $0.invariant == 9 }
    }

    private func details(_ outcome: DetailsFetched.Outcome, header: String = "") -> Event {
        let exchange = Exchange(
            status: 200, headers: [Exchange.HeaderField(name: "x-request-id", value: header)])
        let result = DetailsFetched.Result(
            ordinal: Ordinal(1), id: RecordID("1"), was: .pending, outcome: outcome)
        return .detailsFetched(
            DetailsFetched(intent: Position(1), exchange: exchange, results: [result]))
    }

    @Test func aTokenInAnEventIsFound() {
        let body = Array(#"{"a":"Bearer simulated/token-1"}"#.utf8)[...]
        let print = Fingerprint(high: 0, low: 0)
        #expect(found(details(.changed(fingerprint: print, body: body))))
        #expect(found(details(.same, header: "1 Bearer simulated/token-1")))
        #expect(found(details(.failed(RecordError(code: "x", text: "simulated/token")))))
        #expect(
            found(.runStopping(RunStopping(reason: .auth, text: "Bearer simulated/token"))))
        let cursor = PageCursor(bytes: Array("p=2&k=simulated/token-1".utf8), display: "page 2")
        #expect(
            found(.requestIntended(RequestIntended(target: .list(cursor: cursor, filter: .all)))))
        #expect(!found(details(.changed(fingerprint: print, body: body.dropLast(12)))))
    }

    @Test(arguments: [
        "simulated/token", #"simulated\/token"#, "simulated%2Ftoken", "simulated%2ftoken",
        TokenSpelling.escapedUnits.spell("simulated/token"),
    ])
    func aTokenIsFoundHoweverItIsSpelled(text: String) {
        let print = Fingerprint(high: 0, low: 0)
        let body = Array("{\"a\":\"Bearer \(text)-1\"}".utf8)[...]
        #expect(found(details(.changed(fingerprint: print, body: body))))
    }

    @Test func aTokenInAFileIsFound() throws {
        let folder = try ScratchFolder("secrets")
        let inner = try folder.make("inner")
        var violations = Violations()
        search.search(folder: folder.path, &violations)
        #expect(violations.found == [])
        let file = try #require(fopen("\(inner)/file", "w"))
        fputs("Bearer simulated/token-2", file)
        fclose(file)
        search.search(folder: folder.path, &violations)
        #expect(violations.found.count == 1)
    }

    @Test func aFileThatCannotBeReadIsNoProof() throws {
        let folder = try ScratchFolder("secrets")
        #expect(symlink("nowhere", "\(folder.path)/link") == 0)
        var violations = Violations()
        search.search(folder: folder.path, &violations)
        #expect(violations.found.count == 1)
    }

    @Test func aServerThatEchoesTheTokenIsMet() throws {
        var plan = SimulationScenario.server.plan(seed: 3)
        plan.hasToken = true
        plan.tokenChanges = [9]
        let result = try Simulator(plan, disk: .interposed).run()
        #expect(result.coverage[.echoedToken] > 0)
    }
}
