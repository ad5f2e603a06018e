import Simulation
import Testing

struct SimulatedERPFaultTests {
    private func configuration(_ set: (inout ERPFaults) -> Void) -> ERPConfiguration {
        var configuration = ERPConfiguration(seed: 11, records: 100)
        set(&configuration.faults)
        return configuration
    }

    @Test func faultsComeAtTheirRatesAndEachInItsForm() throws {
        let rates: [(ERPFault, Double)] = [
            (.serverError, 0.05), (.unavailable, 0.04), (.dropped, 0.03), (.truncated, 0.06),
            (.html, 0.02), (.stalled, 0.01),
        ]
        let configuration = configuration {
            $0[.serverError] = 0.05
            $0[.unavailable] = 0.04
            $0[.dropped] = 0.03
            $0[.truncated] = 0.06
            $0[.html] = 0.02
            $0[.stalled] = 0.01
            $0.unavailableRetryAfterSeconds = 3
        }
        let erp = SimulatedERP(configuration)
        let count = 20_000
        let whole = SimulatedERP(ERPConfiguration(seed: 11, records: 100))
            .handle(.get("/api/os?per_page=3"), atNs: 0).body
        for number in 1...count {
            let reply = erp.handle(.get("/api/os?per_page=3"), atNs: Int64(number))
            switch try #require(erp.arrivals(last: 1).first).fault {
            case .serverError: #expect(reply.status == 500)
            case .unavailable:
                #expect(reply.status == 503 && reply.header("retry-after") == "3")
            case .dropped: #expect(reply.delivery == .dropped && reply.body.isEmpty)
            case .truncated:
                #expect(reply.delivery == .truncated(afterBytes: whole.count / 2))
            case .html:
                #expect(reply.status == 200 && reply.body.starts(with: Array("<!DOCTYPE".utf8)))
            case .stalled: #expect(reply.delayNs >= configuration.faults.stallNs)
            case let fault?: Issue.record("\(fault) has no rate")
            case nil: #expect(reply.body == whole && reply.delivery == .complete)
            }
        }
        let arrivals = erp.arrivals.entries
        for (fault, rate) in rates {
            let share = Double(arrivals.count { $0.fault == fault }) / Double(count)
            #expect(abs(share - rate) < 0.25 * rate, "\(fault): \(share)")
        }
    }

    @Test func faultsStopAfterTheirLastArrival() {
        let erp = SimulatedERP(
            configuration {
                $0[.serverError] = 1
                $0.lastArrival = 5
            })
        for _ in 0..<10 { _ = erp.handle(.get("/api/health"), atNs: 0) }
        #expect(
            erp.arrivals.entries.map(\.status)
                == Array(repeating: 500, count: 5) + Array(repeating: 200, count: 5))
    }

    @Test func poisonSpoilsEveryBatchItIsPartOf() {
        let erp = SimulatedERP(configuration { $0.poisonIDs = [7] })
        #expect(erp.handle(.get("/api/os/7"), atNs: 0).status == 500)
        #expect(erp.handle(.get("/api/os/details?ids=6,7,8"), atNs: 0).status == 500)
        #expect(erp.handle(.get("/api/os/details?ids=6,8"), atNs: 0).status == 200)
        #expect(erp.handle(.get("/api/os?id_gt=6&per_page=1"), atNs: 0).status == 200)
    }

    @Test func missingIsListedButHasNoDetail() throws {
        let erp = SimulatedERP(configuration { $0.missingIDs = [7] })
        #expect(erp.handle(.get("/api/os/7"), atNs: 0).status == 404)
        #expect(try erp.handle(.get("/api/os/details?ids=6,7,8"), atNs: 0).ids() == [6, 8])
        #expect(try erp.handle(.get("/api/os?id_gt=6&per_page=1"), atNs: 0).ids() == [7])
    }

    @Test func latencyStaysWithinBaseAndJitterAndIsRepeatable() {
        func delays() -> [Int64] {
            var configuration = ERPConfiguration(seed: 4, records: 1)
            configuration.latency = .init(baseNs: 1_000, jitterNs: 500)
            let erp = SimulatedERP(configuration)
            return (0..<500).map { _ in erp.handle(.get("/api/health"), atNs: 0).delayNs }
        }
        let first = delays()
        #expect(first == delays())
        #expect(first.allSatisfy { (1_000...1_500).contains($0) })
        #expect(Set(first).count > 100)
    }

    @Test func adminReportsWhatArrivedAndChangesTheData() throws {
        var configuration = ERPConfiguration(seed: 1, records: 10)
        configuration.limits = [ERPLimit(requests: 2, seconds: 2)]
        let erp = SimulatedERP(configuration)
        for _ in 0..<3 { _ = erp.handle(.get("/api/os/details?ids=1,2"), atNs: 0) }
        let report = try erp.handle(.get("/admin/arrivals?window=0.5"), atNs: 0).json()
        #expect(report["total"]?.int == 3)
        #expect(report["endpoints"]?["detail"]?.int == 3)
        #expect(report["statuses"]?["200"]?.int == 2)
        #expect(report["statuses"]?["429"]?.int == 1)
        #expect(report["details"]?["mostRequestsOfOneID"]?.int == 3)
        #expect(report["limits"]?.array?.first?["maximumAccepted"]?.int == 2)
        #expect(report["window"]?["maximumArrivals"]?.int == 3)
        func post(_ target: String) throws -> JSONReader.Value {
            try erp.handle(ERPRequest(method: "POST", target: target), atNs: 0).json()
        }
        #expect(try post("/admin/append?count=3")["first"]?.int == 11)
        #expect(try post("/admin/touch?id=2")["version"]?.int == 1)
        #expect(try post("/admin/delete?id=3")["deleted"]?.int == 3)
        #expect(try post("/admin/arrivals/forget")["total"]?.int == 0)
        #expect(erp.ids == [1, 2] + Array(4...13))
        let record = try erp.handle(.get("/admin/record?id=2"), atNs: 0).json()
        let expected = try #require(erp.expected(2))
        #expect(record["detail"] == (try JSONReader.parse(expected.detail)))
    }
}

extension SimulatedERP {
    fileprivate func arrivals(last count: Int) -> ArraySlice<ERPArrival> {
        arrivals.entries.suffix(count)
    }
}
