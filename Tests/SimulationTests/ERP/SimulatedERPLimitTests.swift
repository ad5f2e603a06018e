import Simulation
import SyncCore
import Testing

struct SimulatedERPLimitTests {
    /// Whether an arrival at `now` is within the limit, by counting all that came before.
    private func isWithin(_ limit: ERPLimit, _ counted: [Int64], at now: Int64) -> Bool {
        let before: Int
        switch limit.kind {
        case .sliding:
            before = counted.count { $0 > now - limit.windowNs }
        case .fixed(let phaseNs):
            // Phases in these tests lie below the times, so division rounds the right way.
            let index = (now - phaseNs) / limit.windowNs
            before = counted.count { ($0 - phaseNs) / limit.windowNs == index }
        case .tokenBucket:
            // Since no earlier arrival did more come than the bucket held and got.
            let tokenNs = limit.windowNs / Int64(limit.requests)
            return counted.allSatisfy { start in
                let since = counted.count { $0 >= start }
                return since < limit.requests + Int((now - start) / tokenNs)
            }
        }
        return before < limit.requests
    }

    private func configuration(_ limits: [ERPLimit], refusedCount: Bool) -> ERPConfiguration {
        var configuration = ERPConfiguration(seed: 1, records: 10)
        configuration.limits = limits
        configuration.refusedCount = refusedCount
        return configuration
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func limitsAgreeWithBruteForceOnRandomSchedules(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let phase = Int64(random.below(1_000_000_000))
        let kind = [ERPLimit.Kind.sliding, .fixed(phaseNs: phase), .tokenBucket][random.below(3)]
        let limits = (0..<(1 + random.below(3))).map { _ in
            ERPLimit(
                requests: 1 + random.below(8), seconds: Double(1 + random.below(20)) / 4,
                kind: kind)
        }
        // A bucket that refused requests empty is not the plain count of this test.
        let refusedCount = kind != .tokenBucket && random.below(2) == 1
        let erp = SimulatedERP(configuration(limits, refusedCount: refusedCount))
        var now = Int64.seconds(100)
        var counted: [Int64] = []
        var refused = 0
        for _ in 0..<400 {
            // Bursts, and steps that often land exactly on a window's edge.
            now += random.below(3) == 0 ? Int64(random.below(9)) * 250_000_000 : 0
            let expected = limits.allSatisfy { isWithin($0, counted, at: now) }
            let status = erp.handle(.get("/api/health"), atNs: now).status
            #expect(status == (expected ? 200 : 429))
            if !expected { refused += 1 }
            if expected || refusedCount { counted.append(now) }
        }
        #expect(refused > 0)
        for limit in limits where limit.kind == .sliding {
            let accepted = erp.arrivals.maximumArrivals(inWindowNs: limit.windowNs) {
                $0.status == 200
            }
            #expect(accepted <= limit.requests)
        }
    }

    @Test(
        arguments: [ERPConfiguration.RetryAfterForm.seconds, .httpDate, .none],
        [ERPLimit.Kind.sliding, .fixed(phaseNs: 77), .tokenBucket])
    func requestAfterTheWaitIsAcceptedAndTheWaitIsSent(
        form: ERPConfiguration.RetryAfterForm, kind: ERPLimit.Kind
    ) throws {
        for seed in UInt64(1)...20 {
            var random = SeededGenerator(seed: seed)
            var configuration = configuration(
                [
                    ERPLimit(requests: 4, seconds: 7.3, kind: kind),
                    ERPLimit(requests: 9, seconds: 30),
                ], refusedCount: random.below(2) == 1)
            configuration.retryAfter = [form]
            configuration.wallOffsetNs += Int64(random.below(1_000_000_000))
            let erp = SimulatedERP(configuration)
            var now = Int64.seconds(50) + Int64(random.below(1_000_000_000))
            var waits = 0
            for _ in 0..<60 {
                now += Int64(random.below(900_000_000))
                let reply = erp.handle(.get("/api/health"), atNs: now)
                guard reply.status == 429 else { continue }
                let header = reply.header("retry-after")
                if form == .none {
                    #expect(header == nil)
                    continue
                }
                let seconds = try #require(waitSeconds(header ?? "", reply, form))
                #expect(seconds >= 1 && seconds <= 32)
                now += Int64(seconds) * 1_000_000_000
                waits += 1
                #expect(erp.handle(.get("/api/health"), atNs: now).status == 200)
            }
            #expect(form == .none || waits > 3)
        }
    }

    /// A date's wait as clients find it: its distance from the answer's own `Date`.
    private func waitSeconds(
        _ header: String, _ reply: ERPReply, _ form: ERPConfiguration.RetryAfterForm
    ) -> Int? {
        guard form == .httpDate else { return Int(header) }
        guard let then = secondOfDay(header), let now = secondOfDay(reply.header("date") ?? "")
        else { return nil }
        return (then - now + 86_400) % 86_400
    }

    private func secondOfDay(_ date: String) -> Int? {
        let parts = date.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT" else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int($0) }
        return clock.count == 3 ? clock[0] * 3_600 + clock[1] * 60 + clock[2] : nil
    }

    @Test func datesAreThoseOfTheCalendar() {
        var configuration = ERPConfiguration(seed: 1, records: 1)
        for (seconds, date) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
        ] as [(Int64, String)] {
            configuration.wallOffsetNs = seconds * 1_000_000_000
            let reply = SimulatedERP(configuration).handle(.get("/api/health"), atNs: 0)
            #expect(reply.header("Date") == date)
        }
    }

    @Test func maximumArrivalsAgreesWithBruteForce() {
        for seed in UInt64(1)...30 {
            var random = SeededGenerator(seed: seed)
            let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 1))
            var times: [Int64] = []
            var now: Int64 = 0
            for _ in 0..<200 {
                now += Int64(random.below(5))
                times.append(now)
                _ = erp.handle(.get("/api/health"), atNs: now)
            }
            for length in [1, 2, 3, 10, 57, 2_000] as [Int64] {
                let most = times.map { start in
                    times.count { $0 >= start && $0 < start + length }
                }.max()
                #expect(erp.arrivals.maximumArrivals(inWindowNs: length) == most)
            }
        }
    }

    @Test func tokenIsAskedForAndRefusedStrangersFillNoWindow() {
        var configuration = configuration([ERPLimit(requests: 1, seconds: 60)], refusedCount: false)
        configuration.token = "segredo-de-teste"
        let erp = SimulatedERP(configuration)
        #expect(erp.handle(.get("/api/os"), atNs: 0).status == 401)
        #expect(erp.handle(.get("/api/os", token: "errado"), atNs: 0).status == 401)
        #expect(erp.handle(.get("/api/os", token: "segredo-de-teste"), atNs: 0).status == 200)
        #expect(erp.handle(.get("/api/os", token: "segredo-de-teste"), atNs: 0).status == 429)
        #expect(erp.handle(.get("/admin/arrivals"), atNs: 0).status == 200)
        #expect(erp.arrivals.entries.map(\.status) == [401, 401, 200, 429])
    }

    @Test func arrivalsBeyondTheBoundAreForgottenOldestFirst() {
        var configuration = ERPConfiguration(seed: 1, records: 1)
        configuration.recordedArrivals = 100
        let erp = SimulatedERP(configuration)
        for now in 0..<1_000 { _ = erp.handle(.get("/api/health"), atNs: Int64(now)) }
        let arrivals = erp.arrivals
        #expect(arrivals.entries.count <= 100)
        #expect(arrivals.forgotten + arrivals.entries.count == 1_000)
        #expect(arrivals.entries.last?.number == 1_000)
    }
}
