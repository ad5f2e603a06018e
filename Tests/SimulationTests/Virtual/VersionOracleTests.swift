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

    private func bodies(_ erp: SimulatedERP, _ version: UInt32) -> (
        header: [UInt8], detail: [UInt8]
    ) {
        let expected = erp.expected(1, version: version)
        return (expected?.header ?? [], expected?.detail ?? [])
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
        for version in 0...3 as ClosedRange<UInt32> {
            let old = bodies(erp, version)
            let match = oracle.match(1, header: old.header, detail: old.detail, erp)
            #expect(match.header == (version == 0 ? nil : version))
            #expect(match.detail == (version == 0 ? nil : version))
        }
        oracle.beginWholePass(erp)
        #expect(oracle.isSettled)
        let (old, new) = (bodies(erp, 2), bodies(erp, 3))
        #expect(oracle.match(1, header: old.header, detail: new.detail, erp).header == nil)
        #expect(oracle.match(1, header: new.header, detail: new.detail, erp).header == 3)
        #expect(oracle.match(1, header: nil, detail: nil, erp).detail == nil)
    }
}
