import LMDB
import Records
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog
@testable import Projections

/// A store is checked against its own events, part by part, and over more than one process.
@Suite struct IntegrityTests {
    private let driver: StoreDriver
    private let clock = SteppedClock()

    init() throws {
        driver = try StoreDriver()
        driver.saveInterval = 1
        var api = FakeAPI(1...700)
        api.poison = [3]
        try driver.request(.full)
        try driver.finish(with: api)
    }

    private var folder: String { driver.folder.at("verify") }

    private func verification(
        against: ChainHead? = nil, restarts: Bool = false, stretch: UInt64 = 100, workers: Int = 0,
        keeps: Bool = true
    ) throws -> StoreVerification {
        try StoreVerification(
            driver.log, folder: keeps ? folder : nil, clock: clock, against: against,
            restarts: restarts, stretch: stretch, workers: workers)
    }

    private func verify(
        against: ChainHead? = nil, workers: Int = 0
    ) throws -> VerifyReport {
        let verification = try verification(against: against, workers: workers)
        while verification.advance() {}
        return verification.finish()
    }

    /// Checks some of the log and notes where it is, as a process that is interrupted.
    private func interrupt(after stretches: Int = 3) throws -> Position {
        let verification = try verification()
        for _ in 0..<stretches { #expect(verification.advance()) }
        #expect(verification.save())
        return verification.position
    }

    private func key(_ ordinal: UInt32) -> [UInt8] {
        [0, 1] + withUnsafeBytes(of: ordinal.bigEndian) { Array($0) }
    }

    private func replaceRow(_ ordinal: UInt32, _ change: (inout RecordRow) -> Void) throws {
        var row = try #require(driver.rows[Ordinal(ordinal)])
        change(&row)
        let bytes = RecordRowCoder.encode(row, of: StoreDriver.stream)
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.put(records, key(ordinal), bytes)
        }
    }

    // MARK: Rows

    @Test(arguments: [0, 1, 3]) func aSoundStoreIsClean(workers: Int) throws {
        let report = try verify(workers: workers)
        #expect(report.problems == [])
        #expect(report.isFolded)
        #expect(report.events == UInt64(driver.events.count))
        #expect(report.whole == driver.control.position)
        #expect(TemporaryFolder.names(driver.folder.path) == ["log"])
    }

    /// Such a row has a right checksum, and every counter and index agrees with it.
    @Test func aRowThatTheEventsDoNotMakeIsFound() throws {
        let changes: [(inout RecordRow) -> Void] = [
            { $0.headerFingerprint = Fingerprint(high: 1, low: 1) },
            { $0.detailPosition = Position(1) }, { $0.attempts = 9 },
            { $0.attemptedAt = .zero }, { $0.generation += 1 },
            { $0.error = RecordError(code: "x", text: "y") },
        ]
        for change in changes {
            try replaceRow(501, change)
            let problems = try verify().problems
            #expect(problems.count == 1)
            #expect(problems.first?.part == .rows)
            #expect(problems.first?.text.contains("record 502 has another row") == true)
            try replaceRow(501) { _ in }
        }
        #expect(try verify().isClean)
    }

    @Test func manyRowsAreCountedAndSomeNamed() throws {
        for ordinal in 100..<200 as Range<UInt32> { try replaceRow(ordinal) { $0.attempts = 7 } }
        let problems = try verify().problems
        #expect(problems.count == 21)
        #expect(problems.last?.text.hasPrefix("100 rows") == true)
    }

    @Test func recordsThatCameWhileItWasCheckedAreComparedToo() throws {
        let verification = try verification()
        #expect(verification.advance())
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...1_400))
        try replaceRow(1_399) { $0.attempts = 7 }
        while verification.advance() {}
        let report = verification.finish()
        #expect(report.position == driver.control.position)
        #expect(report.problems.count == 1)
        #expect(report.problems.first?.text.contains("record 1400 ") == true)
    }

    @Test func aSeenSetThatThePagesDoNotMakeIsFound() throws {
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...700), steps: 2)
        let pass = try #require(driver.control[StoreDriver.stream].pass)
        #expect(try verify().isClean)
        let snapshot = try driver.log.environment.beginRead()
        let seen = try snapshot.database("seen")
        var cursor = try snapshot.cursor(seen)
        #expect(try cursor.first())
        let (key, value) = cursor.read { ([UInt8]($0), [UInt8]($1)) }
        // One record for another: the counter is right.
        var bits = Array(value[8...])
        let last = Int(pass.distinct) - 1
        bits[last / 8] ^= 1 << UInt8(last % 8)
        bits[1_000] ^= 1
        let forged = SeenChunk.encode(bits, key: key)
        try driver.tamper("seen") { transaction, seen throws(LMDBError) in
            try transaction.put(seen, key, forged)
        }
        #expect(try verify().problems.map(\.part) == [.rows])
    }

    // MARK: Going on

    @Test func anInterruptedCheckGoesOnWhereItWas() throws {
        let position = try interrupt()
        let begun = clock.read().wall
        clock.step(seconds: 60)
        let next = try verification()
        #expect(next.earlier?.position == position)
        #expect(try #require(next.earlier).at <= begun)
        #expect(next.position == position)
        while next.advance() {}
        let report = next.finish()
        #expect(report.problems == [])
        #expect(report.events == UInt64(driver.events.count))
        #expect(report == (try verify()))
        // One that came to its end is not gone on with.
        #expect(try verification().earlier == nil)
    }

    @Test func rowsOfThePartThatWasCheckedEarlierAreCompared() throws {
        _ = try interrupt()
        try replaceRow(5) { $0.attempts = 7 }
        let next = try verification()
        #expect(next.earlier != nil)
        while next.advance() {}
        #expect(next.finish().problems.first?.text.contains("record 6 ") == true)
    }

    @Test func whatIsNotOfThisLogOrThisBootIsNotGoneOnWith() throws {
        _ = try interrupt()
        #expect(try verification(restarts: true).earlier == nil)
        _ = try interrupt()
        let head = ChainHead(position: nil, head: ChainHasher.genesis)
        #expect(try verification(against: head).earlier == nil)
        _ = try interrupt()
        clock.step(seconds: 25 * 3_600)
        #expect(try verification().earlier == nil)
        _ = try interrupt()
        clock.boot = "another"
        #expect(try verification().earlier == nil)
    }

    @Test func anyByteOfWhatWasNotedThatIsChangedLeadsToTheBeginning() throws {
        _ = try interrupt()
        let path = "\(folder)/progress"
        let whole = Bytes.read(path)
        for index in stride(from: 0, to: whole.count, by: 13) {
            var spoilt = whole
            spoilt[index] ^= 1
            Bytes.write(spoilt, path)
            #expect(try verification().earlier == nil, "byte \(index)")
            _ = try interrupt()
            Bytes.write(whole, path)
        }
    }

    @Test func rowsThatWereCollectedAndAreDamagedAreNotTaken() throws {
        _ = try interrupt()
        let path = "\(folder)/sort"
        var bytes = Bytes.read(path)
        bytes[bytes.count / 2] ^= 1
        Bytes.write(bytes, path)
        let next = try verification()
        #expect(next.earlier != nil)
        while next.advance() {}
        #expect(next.finish().problems.first?.text.contains("could not be compared") == true)
        // Nothing is wrong with the log.
        #expect(next.mustBeginAnew)
        #expect(try verify().isClean)
    }

    @Test func aLogThatWasRewrittenIsCheckedFromItsBeginning() throws {
        let position = try interrupt()
        let link = withUnsafeBytes(of: position.rawValue.bigEndian) { Array($0) }
        try driver.tamper("commits") { transaction, commits throws(LMDBError) in
            var value = try transaction.value(commits, link) ?? []
            value[3] ^= 1
            try transaction.put(commits, link, value)
        }
        #expect(try verification().earlier == nil)
        #expect(try !verify().isClean)
    }

    @Test func whatWasFoundIsNotPassedOverByTheNextOne() throws {
        let third = withUnsafeBytes(of: UInt64(3).bigEndian) { Array($0) }
        try driver.tamper("events") { transaction, events throws(LMDBError) in
            var value = try transaction.value(events, third) ?? []
            value[40] ^= 1
            try transaction.put(events, third, value)
        }
        let verification = try verification()
        for _ in 0..<3 { #expect(verification.advance()) }
        #expect(!verification.save())
        #expect(try self.verification().earlier == nil)
    }

    @Test func twoAtATimeDoNotDisturbEachOther() throws {
        let first = try verification()
        #expect(first.advance())
        #expect(first.isResumable)
        let second = try verification()
        #expect(!second.isResumable)
        while second.advance() {}
        #expect(second.finish().isClean)
        while first.advance() {}
        #expect(first.finish().isClean)
    }

    @Test func withoutAPlaceToWriteItIsCheckedAllTheSame() throws {
        let verification = try verification(keeps: false)
        #expect(!verification.isResumable)
        #expect(verification.advance())
        #expect(!verification.save())
        while verification.advance() {}
        #expect(verification.finish().isClean)
    }

    // MARK: The head that was kept

    @Test func everyHeadThatTheLogHadIsFound() throws {
        let snapshot = try driver.snapshot()
        for event in driver.events {
            guard let head = try snapshot.head(at: event.position) else { continue }
            for position in [nil, event.position] {
                let wanted = ChainHead(position: position, head: head)
                #expect(try verify(against: wanted).isClean, "\(wanted)")
            }
            let elsewhere = ChainHead(position: event.position.next, head: head)
            #expect(try verify(against: elsewhere).problems.map(\.part) == [.head])
            if event.position > Position(40) { break }
        }
        let empty = ChainHead(position: nil, head: ChainHasher.genesis)
        #expect(try verify(against: empty).isClean)
    }

    @Test func aHeadOfALogThatWasCutOrOfAnotherOneIsNotFound() throws {
        let other = ChainHead(position: nil, head: Array(repeating: 7, count: 32))
        let report = try verify(against: other)
        #expect(report.problems.map(\.part) == [.head])
        #expect(report.isFolded)
        let later = ChainHead(position: Position(1 << 40), head: other.head)
        #expect(try verify(against: later).problems.first?.text.contains("the log ends") == true)
    }

    @Test func aHeadThatWasPassedBeforeTheInterruptionIsFound() throws {
        let snapshot = try driver.snapshot()
        let wanted = ChainHead(
            position: nil, head: try #require(try snapshot.head(at: driver.events[0].position)))
        let first = try verification(against: wanted)
        #expect(first.advance())
        #expect(first.save())
        #expect(try verify(against: wanted).isClean)
    }

    @Test func textsOfHeadsAreReadAndOthersRefused() throws {
        let digits = String(repeating: "0aF9", count: 16)
        #expect(ChainHead(digits)?.head.prefix(2) == [0x0A, 0xF9])
        #expect(ChainHead("12:\(digits)")?.position == Position(12))
        for text in ["", "12", digits.dropLast() + "g", digits + "0", "x:\(digits)", ":\(digits)"] {
            #expect(ChainHead(String(text)) == nil, "\(text)")
        }
        let head = try #require(ChainHead("7:\(digits.lowercased())"))
        #expect(ChainHead(head.description) == head)
    }
}

/// A clock that moves when it is told to.
private final class SteppedClock: TimeSource, @unchecked Sendable {
    // Used by one test, on one thread.
    var boot = "boot"
    private var seconds: Int64 = 1_700_000_000

    func step(seconds: Int64) { self.seconds += seconds }

    func read() -> ClockReading {
        ClockReading(
            bootID: boot, bootNs: seconds * .nsPerSecond,
            wall: LogTime(nanoseconds: seconds * .nsPerSecond))
    }
}
