import Simulation
import Testing

struct SimulatedERPDataTests {
    @Test func sameSeedGivesTheSameBytesAndAnotherSeedOthers() {
        func answers(seed: UInt64) -> [[UInt8]] {
            let erp = SimulatedERP(ERPConfiguration(seed: seed, records: 500))
            return ["/api/os?page=2&per_page=100", "/api/os/details?ids=7,3,400", "/api/os/42"]
                .map { erp.handle(.get($0), atNs: 0).body }
        }
        #expect(answers(seed: 9) == answers(seed: 9))
        #expect(answers(seed: 9) != answers(seed: 10))
    }

    @Test func recordsAreValidJSONOfRealisticSizeAndTheDetailContainsTheHeader() throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 3, records: 2_000))
        for id in Int64(1)...2_000 {
            let expected = try #require(erp.expected(id))
            let header = try JSONReader.parse(expected.header)
            let detail = try JSONReader.parse(expected.detail)
            guard case .object(let fields) = header else {
                Issue.record("header of \(id) is no object")
                return
            }
            for (name, value) in fields { #expect(detail[name] == value, "\(name) of \(id)") }
            #expect((340...520).contains(expected.header.count), "\(expected.header.count)")
            #expect((750...2_100).contains(expected.detail.count), "\(expected.detail.count)")
            let cents = try #require(detail["expenses"]?.array).reduce(0) {
                $0 + hundredths($1["amount"]?.literal)
            }
            #expect(Int64(cents) == expected.expenseCents)
        }
    }

    /// The amount in hundredths; far off when it isn't a literal with exactly two decimals.
    private func hundredths(_ literal: String?) -> Int {
        let parts = (literal ?? "").split(separator: ".")
        guard parts.count == 2, parts[1].count == 2 else { return .min / 1_000_000 }
        return Int(parts.joined()) ?? .min / 1_000_000
    }

    @Test func openingDatesRiseWithTheIdentity() throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 5, records: 1_000))
        let opened = try (Int64(1)...1_000).map { id in
            let expected = try #require(erp.expected(id))
            return try JSONReader.parse(expected.header)["opened_at"]?.text ?? ""
        }
        #expect(opened == opened.sorted())
        #expect(opened.first?.hasPrefix("2020-01-02T") == true)
    }

    @Test(arguments: [1, 7, 100, 333, 1_000])
    func pagesPartitionTheRecordsExactly(size: Int) throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 1_000))
        for id in [1, 2, 3, 500, 501, 999, 1_000] as [Int64] { #expect(erp.delete(id)) }
        erp.append(5)
        let live = erp.ids.map(Int.init)
        #expect(live.count == 998)
        var byPage: [Int] = []
        var byOffset: [Int] = []
        var byID: [Int] = []
        for page in 1...(live.count / size + 2) {
            let reply = erp.handle(.get("/api/os?page=\(page)&per_page=\(size)"), atNs: 0)
            byPage += try reply.ids()
            let answer = try reply.json()
            #expect(answer["total"]?.int == live.count)
            #expect(answer["page"]?.int == page)
            let offset = "/api/os?offset=\((page - 1) * size)&limit=\(size)"
            byOffset += try erp.handle(.get(offset), atNs: 0).ids()
            let above = "/api/os?id_gt=\(byID.last ?? 0)&per_page=\(size)"
            byID += try erp.handle(.get(above), atNs: 0).ids()
        }
        #expect(byPage == live)
        #expect(byOffset == live)
        #expect(byID == live)
    }

    @Test func totalIsThatOfTheQueryAsSentAndCanBeLeftOut() throws {
        var configuration = ERPConfiguration(seed: 1, records: 100)
        let reply = SimulatedERP(configuration).handle(.get("/api/os?id_gt=90"), atNs: 0)
        #expect(try reply.json()["total"]?.int == 10)
        configuration.reportsTotal = false
        let without = SimulatedERP(configuration).handle(.get("/api/os?id_gt=90"), atNs: 0)
        #expect(try without.json()["total"] == nil)
        #expect(try without.ids() == Array(91...100))
    }

    @Test func pagesAreCappedAndSizeThemselves() throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 3_000))
        let large = erp.handle(.get("/api/os?per_page=5000"), atNs: 0)
        #expect(try large.ids().count == 1_000)
        #expect(try large.json()["per_page"]?.int == 1_000)
        #expect(try erp.handle(.get("/api/os"), atNs: 0).ids() == Array(1...50))
    }

    @Test func touchingChangesHeaderAndDetailOfThatRecordAlone() throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 10))
        let before = try (Int64(1)...10).map { try #require(erp.expected($0)) }
        #expect(erp.touch(4))
        let after = try (Int64(1)...10).map { try #require(erp.expected($0)) }
        for index in before.indices {
            #expect((before[index].header == after[index].header) == (index != 3))
            #expect((before[index].detail == after[index].detail) == (index != 3))
        }
        let old = try JSONReader.parse(before[3].header)["updated_at"]?.text ?? ""
        let new = try JSONReader.parse(after[3].header)["updated_at"]?.text ?? ""
        #expect(!old.isEmpty && old < new)
        #expect(after[3].version == 1)
        #expect(!erp.touch(11))
    }

    @Test func batchAnswersInTheOrderAskedWithoutTheDeletedOnes() throws {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 10))
        #expect(erp.delete(5))
        #expect(try erp.handle(.get("/api/os/details?ids=9,5,2%2C9"), atNs: 0).ids() == [9, 2])
        #expect(erp.handle(.get("/api/os/5"), atNs: 0).status == 404)
        let alone = erp.handle(.get("/api/os/9"), atNs: 0)
        #expect(alone.body == erp.expected(9)?.detail)
    }

    @Test func identitiesCanBeText() throws {
        var configuration = ERPConfiguration(seed: 1, records: 3)
        configuration.identities.form = .text
        let reply = SimulatedERP(configuration).handle(.get("/api/os"), atNs: 0)
        #expect(try reply.json()["data"]?.array?.first?["id"] == .string("1"))
    }

    @Test func identitiesCanBeginAnywhereAndBeTextInPlaces() throws {
        var configuration = ERPConfiguration(seed: 1, records: 4)
        configuration.identities = ERPIdentities(base: (1 << 63) - 3, form: .mixed)
        let erp = SimulatedERP(configuration)
        func ids(_ target: String) throws -> [JSONReader.Value?] {
            try #require(erp.handle(.get(target), atNs: 0).json()["data"]?.array).map { $0["id"] }
        }
        let all: [JSONReader.Value?] = [
            .number("9223372036854775806"), .string("9223372036854775807"),
            .number("9223372036854775808"), .string("9223372036854775809"),
        ]
        #expect(try ids("/api/os") == all)
        #expect(try ids("/api/os?id_gt=9223372036854775807") == Array(all[2...]))
        #expect(try ids("/api/os?id_gt=7") == all)
        #expect(try ids("/api/os/details?ids=9223372036854775808,5") == [all[2]])
        #expect(erp.handle(.get("/api/os/9223372036854775809"), atNs: 0).status == 200)
        #expect(erp.handle(.get("/api/os/9223372036854775810"), atNs: 0).status == 404)
        #expect(erp.handle(.get("/api/os?id_gt=-1"), atNs: 0).status == 400)
        configuration.identities.form = .textInDetails
        let other = SimulatedERP(configuration)
        let expected = try #require(other.expected(2))
        #expect(try JSONReader.parse(expected.header)["id"] == .number("9223372036854775807"))
        #expect(try JSONReader.parse(expected.detail)["id"] == all[1])
    }

    @Test func ordersChangeWhileTheyAreAskedForAndOldVersionsAreRemembered() throws {
        var configuration = ERPConfiguration(seed: 1, records: 5)
        configuration.faults.updateRate = 1
        configuration.faults.lastArrival = 40
        let erp = SimulatedERP(configuration)
        var before = (1...5).map { erp.expected($0) }
        for _ in 0..<60 {
            let reply = erp.handle(.get("/api/os/3"), atNs: 0)
            let updated = erp.arrivals.entries.last?.updated
            #expect((updated == nil) == (erp.arrivals.entries.count > 40))
            #expect(reply.body == erp.expected(3)?.detail)
            for id in 1...5 as ClosedRange<Int64> {
                let old = try #require(before[Int(id) - 1])
                #expect((erp.version(id) == old.version) == (id != updated))
                #expect(erp.expected(id, version: old.version)?.detail == old.detail)
            }
            before = (1...5).map { erp.expected($0) }
        }
        let asked = erp.arrivals.entries.count { $0.updated == 3 }
        #expect((20..<35).contains(asked), "\(asked)")
    }

    @Test(arguments: [
        ("/api/os?page=0", 400), ("/api/os?per_page=x", 400), ("/api/os/details", 400),
        ("/api/os/details?ids=1,x", 400), ("/api/nothing", 404), ("/api/os/77", 404),
        ("/admin/nothing", 404),
    ])
    func senselessRequestsAreRefused(target: String, status: Int) {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 10))
        #expect(erp.handle(.get(target), atNs: 0).status == status)
    }

    @Test func tooManyIdentitiesInOneCallAreRefused() {
        let erp = SimulatedERP(ERPConfiguration(seed: 1, records: 1_000))
        let ids = (1...501).map(String.init).joined(separator: ",")
        #expect(erp.handle(.get("/api/os/details?ids=\(ids)"), atNs: 0).status == 400)
    }
}
