import Simulation
import Testing

/// What a server may do to its clients about limits and tokens, beside counting.
struct SimulatedERPRefusalTests {
    private func configuration(
        _ requests: Int, seconds: Double, _ kind: ERPLimit.Kind = .sliding
    ) -> ERPConfiguration {
        var configuration = ERPConfiguration(seed: 1, records: 10)
        configuration.limits = [ERPLimit(requests: requests, seconds: seconds, kind: kind)]
        return configuration
    }

    private func statuses(_ erp: SimulatedERP, count: Int, atNs now: Int64) -> [Int] {
        (0..<count).map { _ in erp.handle(.get("/api/health"), atNs: now).status }
    }

    @Test func aBucketFillsEvenlyAndHoldsNoMoreThanItsSize() {
        let erp = SimulatedERP(configuration(4, seconds: 8, .tokenBucket))
        #expect(statuses(erp, count: 5, atNs: 0) == [200, 200, 200, 200, 429])
        #expect(statuses(erp, count: 2, atNs: .seconds(2)) == [200, 429])
        #expect(statuses(erp, count: 3, atNs: .seconds(6.5)) == [200, 200, 429])
        #expect(statuses(erp, count: 5, atNs: .seconds(1_000)) == [200, 200, 200, 200, 429])
    }

    @Test func refusedRequestsThatCountKeepABucketEmpty() {
        var counting = configuration(2, seconds: 2, .tokenBucket)
        counting.refusedCount = true
        let erp = SimulatedERP(counting)
        _ = statuses(erp, count: 2, atNs: 0)
        for tenths in 1...30 {
            #expect(statuses(erp, count: 1, atNs: .seconds(Double(tenths) / 10)) == [429])
        }
        #expect(statuses(erp, count: 1, atNs: .seconds(4.1)) == [200])
    }

    @Test(arguments: [ERPLimit.Kind.sliding, .fixed(phaseNs: 0), .tokenBucket])
    func limitsAreLoweredAndRaisedAtTheirArrivals(kind: ERPLimit.Kind) {
        var changing = configuration(8, seconds: 10, kind)
        changing.limitChanges = [
            ERPLimitChange(arrival: 9, share: 0.5), ERPLimitChange(arrival: 17, share: 1),
        ]
        let erp = SimulatedERP(changing)
        func accepted(atSeconds seconds: Double) -> Int {
            statuses(erp, count: 8, atNs: .seconds(seconds)).count { $0 == 200 }
        }
        #expect(accepted(atSeconds: 0) == 8)
        #expect(accepted(atSeconds: 100) == 4)
        #expect(accepted(atSeconds: 200) == 8)
        #expect(accepted(atSeconds: 205) < 8)
    }

    @Test func aSecondClientEatsTheQuotaUntilItIsGone() {
        var shared = configuration(5, seconds: 10)
        shared.secondClient = ERPSecondClient(
            burst: 3, everyNs: .seconds(10), phaseNs: .seconds(1), lastArrival: 10)
        let erp = SimulatedERP(shared)
        #expect(statuses(erp, count: 5, atNs: .seconds(5)) == [200, 200, 429, 429, 429])
        // Nobody asked for days: only the last bursts fill the window.
        #expect(statuses(erp, count: 5, atNs: .seconds(500_005)) == [200, 200, 429, 429, 429])
        #expect(statuses(erp, count: 5, atNs: .seconds(600_005)) == [200, 200, 200, 200, 200])
        #expect(erp.arrivals.entries.count == 15)
    }

    @Test func eachRefusalTellsWithoutWhatItWouldNotBe() {
        var shared = configuration(5, seconds: 10)
        shared.secondClient = ERPSecondClient(
            burst: 3, everyNs: .seconds(10), phaseNs: .seconds(1), lastArrival: 10)
        var erp = SimulatedERP(shared)
        #expect(statuses(erp, count: 6, atNs: .seconds(5)) == [200, 200, 429, 429, 429, 429])
        let causes = erp.arrivals.entries.map(\.refusedFor)
        #expect(causes == [[], [], [.secondClient], [.secondClient], [.secondClient], []])
        var lowered = configuration(4, seconds: 10)
        lowered.limitChanges = [ERPLimitChange(arrival: 1, share: 0.5)]
        erp = SimulatedERP(lowered)
        #expect(statuses(erp, count: 5, atNs: 0) == [200, 200, 429, 429, 429])
        #expect(erp.arrivals.entries[2].refusedFor == [.loweredLimits])
        #expect(erp.arrivals.entries[4].refusedFor == [])
    }

    @Test(arguments: [401, 403]) func anOldTokenIsRefusedFromItsArrivalOn(status: Int) {
        var rotating = configuration(100, seconds: 1)
        rotating.token = "segredo"
        rotating.tokenChanges = [3, 5]
        rotating.strangerStatus = status
        let erp = SimulatedERP(rotating)
        var seen: [Int] = []
        var token = erp.token
        for _ in 1...8 {
            let last = erp.handle(.get("/api/health", token: token), atNs: 0).status
            seen.append(last)
            if last == status { token = erp.token }
        }
        #expect(seen == [200, 200, status, 200, status, 200, 200, 200])
    }

    @Test func retryAfterHasEachOfItsForms() throws {
        typealias Form = ERPConfiguration.RetryAfterForm
        var odd = configuration(1, seconds: 3_600)
        odd.retryAfter = Form.allCases
        odd.faults.lastArrival = 900
        let erp = SimulatedERP(odd)
        var forms: [Form: Set<String>] = [:]
        for second in 1...1_000 {
            let reply = erp.handle(.get("/api/health"), atNs: .seconds(Double(second)))
            let arrival = try #require(erp.arrivals.entries.last)
            guard let form = arrival.retryAfter else { continue }
            if arrival.number > 900 { #expect(form != .huge && form != .hugeDate) }
            forms[form, default: []].insert(reply.header("retry-after") ?? "nothing")
        }
        #expect(Set(forms.keys) == Set(Form.allCases))
        #expect(forms[.none] == ["nothing"])
        #expect(forms[.zero] == ["0"])
        #expect(forms[.huge] == ["2592000"])
        #expect(try #require(forms[.negative]).allSatisfy { Int($0).map { $0 < 0 } ?? false })
        #expect(try #require(forms[.seconds]).allSatisfy { Int($0).map { $0 > 0 } ?? false })
        #expect(try #require(forms[.garbage]).count == 9)
        // The server's time is 2026-01-01.
        #expect(try #require(forms[.pastDate]).allSatisfy { $0.contains("2025 ") })
        #expect(try #require(forms[.hugeDate]).allSatisfy { $0.contains(" Jan 2026 ") })
        #expect(try #require(forms[.httpDate]).allSatisfy { $0.hasPrefix("Thu, 01 Jan 2026") })
    }

    @Test func aServerMayKeepItsClockToItself() {
        var silent = configuration(1, seconds: 1)
        silent.sendsDate = false
        let reply = SimulatedERP(silent).handle(.get("/api/health"), atNs: 0)
        #expect(reply.header("date") == nil)
    }
}
