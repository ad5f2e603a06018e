import Testing

@testable import Simulation

/// Which versions of a record a store may hold.
struct VersionOracleTests {
    private func erp() -> SimulatedERP {
        var configuration = ERPConfiguration(seed: 1, records: 1)
        configuration.faults.updateRate = 1
        configuration.faults.lastArrival = 2
        return SimulatedERP(configuration)
    }

    @Test func aChangeDuringARunIsHeldAsItWasOrIsUntilTheNextWholePass() {
        let erp = erp()
        var oracle = VersionOracle()
        erp.touch(1)
        oracle.beginWholePass(erp)
        #expect(oracle.isSettled)
        for _ in 0..<3 { _ = erp.handle(.get("/api/os/1"), atNs: 0) }
        oracle.take(erp)
        #expect(!oracle.isSettled)
        #expect(erp.version(1) == 3)
        #expect(oracle.versions(of: 1, erp) == 1...3)
        oracle.beginWholePass(erp)
        #expect(oracle.isSettled)
        #expect(oracle.versions(of: 1, erp) == 3...3)
    }

    @Test func headerAndDetailAreFoundByTheirVersionsAmongThoseThatMayBe() throws {
        let erp = erp()
        for _ in 0..<2 { _ = erp.handle(.get("/api/os/1"), atNs: 0) }
        let texts = try (0...2 as ClosedRange<UInt32>).map {
            try #require(erp.expected(1, version: $0))
        }
        var records = try ExpectedRecords()
        let found = try records.match(
            1, 1...2, header: texts[1].header[...], detail: texts[2].detail[...], erp)
        #expect(found.header?.version == 1)
        #expect(found.detail?.version == 2)
        let old = try records.match(
            1, 1...2, header: texts[0].header[...], detail: nil, erp)
        #expect(old.header == nil)
        #expect(old.detail == nil)
    }
}
