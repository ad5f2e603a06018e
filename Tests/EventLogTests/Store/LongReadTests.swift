import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Long reads let their snapshot go: under an open one each commit makes the file grow.
@Suite struct LongReadTests {
    private let driver: StoreDriver
    private let api = FakeAPI(1...700)

    init() throws {
        driver = try StoreDriver()
        var policy = Policy.small
        policy.detail = DetailPolicy(batch: 2, concurrency: 2)
        try driver.request(.full, policy: policy)
        try driver.finish(with: api, steps: 300)
    }

    @Test func theQueueComesInItsOrderAndNoSnapshotIsOpenMeanwhile() throws {
        let driver = try StoreDriver()
        try driver.request(.full, RunOptions(noDetails: true))
        try driver.finish(with: api)
        var expected: [RecordRow] = []
        try driver.snapshot().forEachQueued(StoreDriver.stream, order: .numeric) { row, _ in
            expected.append(row)
            return true
        }
        #expect(expected.count == 700)
        var found: [RecordRow] = []
        var open = 0
        try driver.log.forEachQueued(StoreDriver.stream, order: .numeric) { row in
            found.append(row)
            open += try driver.log.environment.readers().count
            return true
        }
        #expect(open == 0)
        #expect(found == expected)
    }

    @Test func aReaderThatLagsIsFound() throws {
        #expect(try driver.log.checkReaders() == nil)
        let snapshot = try driver.snapshot()
        #expect(try driver.log.checkReaders() == ReaderLag(pid: getpid(), commits: 0))
        try driver.finish(with: api, steps: 5)
        let lag = try #require(try driver.log.checkReaders())
        #expect(lag.commits >= 5)
        try snapshot.renew()
        #expect(try driver.log.checkReaders() == ReaderLag(pid: getpid(), commits: 0))
    }

    @Test func theVerifierChecksStretchByStretch() throws {
        var told: [UInt64] = []
        var verifier = try LogVerifier(driver.log, stretch: 100)
        while verifier.advance() { told.append(verifier.position.rawValue) }
        let report = verifier.finish()
        #expect(report == (try LogVerifier(driver.log).run()))
        #expect(report.problems == [])
        #expect(report.position == driver.control.position)
        #expect(told.count == driver.events.count / 101 || told.count == driver.events.count / 100)
    }
}
