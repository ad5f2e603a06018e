import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

@Suite struct EventLogTests {
    private let folder = TemporaryFolder()
    private var store: String { folder.path }

    private func failure(_ body: () throws -> Void) -> EventLogError? {
        do {
            try body()
            return nil
        } catch {
            return error as? EventLogError
        }
    }

    @Test func aNewLogIsEmpty() throws {
        try EventLog.create(store: store)
        let snapshot = try EventLog.open(store: store, .read).snapshot()
        #expect(try snapshot.tail().position == .none)
        #expect(try snapshot.tail().head == ChainHasher.genesis)
        #expect(try snapshot.control() == ControlState())
        #expect(try snapshot.event(at: Position(1)) == nil)
    }

    @Test func whereThereIsNoStoreItSaysSo() throws {
        let error = failure { _ = try EventLog.open(store: store, .read) }
        guard case .noStore(let path) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == store)
    }

    @Test func aFileOfSomethingElseIsNotAStoreAndStaysAsItWas() throws {
        mkdir(folder.at("log"), 0o700)
        let garbage = [UInt8](repeating: 0x42, count: 20_000)
        Bytes.write(garbage, folder.at("log/data.mdb"))
        for mode in [EventLog.Mode.read, .write] {
            let error = failure { _ = try EventLog.open(store: store, mode) }
            guard case .notAStore = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(Bytes.read(folder.at("log/data.mdb")) == garbage)
    }

    @Test func anotherLMDBEnvironmentIsNotAStore() throws {
        try Environment.create(EventLog.folder(of: store)) { transaction throws(LMDBError) in
            _ = try transaction.createDatabase("something")
        }
        let error = failure { _ = try EventLog.open(store: store, .read) }
        guard case .notAStore = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// A later layout may lack databases of this one, and still has to be named as what it is.
    @Test(arguments: [true, false])
    func aLaterFormatIsRefusedByNameAndLeftUntouched(hasAllDatabases: Bool) throws {
        if hasAllDatabases {
            try EventLog.create(store: store)
            let log = try EventLog.open(store: store, .write)
            let transaction = try log.environment.beginWrite()
            try transaction.put(log.schema.meta, LogSchema.formatKey, [0, 0, 0, 9])
            try transaction.commit()
        } else {
            try Environment.create(EventLog.folder(of: store)) { transaction throws(LMDBError) in
                let meta = try transaction.createDatabase("meta")
                try transaction.put(meta, LogSchema.formatKey, [0, 0, 0, 9])
            }
        }
        let before = Bytes.read(folder.at("log/data.mdb"))
        for mode in [EventLog.Mode.read, .write] {
            let error = failure { _ = try EventLog.open(store: store, mode) }
            guard case .newer(_, let found) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(found == "store format 9")
        }
        let isSame = Bytes.read(folder.at("log/data.mdb")) == before
        #expect(isSame)
    }

    @Test func anEarlierFormatIsReadAsItIsAndRaisedByWhoeverWrites() throws {
        let end = try {
            let driver = try StoreDriver(folder)
            try driver.request(.full)
            try driver.finish(with: FakeAPI(1...20))
            try driver.tamper("meta") { transaction, meta throws(LMDBError) in
                try transaction.put(meta, LogSchema.formatKey, [0, 0, 0, 2])
            }
            return driver.control.position
        }()
        let before = Bytes.read(folder.at("log/data.mdb"))
        func found(_ mode: EventLog.Mode) throws -> (Position, [UInt8]?) {
            let log = try EventLog.open(store: store, mode)
            let transaction = try log.environment.beginRead()
            return (
                try log.snapshot().tail().position,
                try transaction.value(log.schema.meta, LogSchema.formatKey)
            )
        }
        let read = try found(.read)
        #expect(read.0 == end && read.1 == [0, 0, 0, 2])
        let isSame = Bytes.read(folder.at("log/data.mdb")) == before
        #expect(isSame)
        let written = try found(.write)
        #expect(written.0 == end && written.1 == [0, 0, 0, 3])
    }

    @Test(arguments: [0, 1] as [UInt8])
    func aFormatBeforeTheFirstReleaseIsNotTouched(format: UInt8) throws {
        try Environment.create(EventLog.folder(of: store)) { transaction throws(LMDBError) in
            let meta = try transaction.createDatabase("meta")
            try transaction.put(meta, LogSchema.formatKey, [0, 0, 0, format])
        }
        let error = failure { _ = try EventLog.open(store: store, .read) }
        guard case .older = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aTruncatedLogIsCorrupt() throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...200))
        let file = driver.folder.at("log/data.mdb")
        let whole = Bytes.read(file)
        mkdir(folder.at("log"), 0o700)
        for length in [0, 8_192, 12_288, whole.count / 2] {
            Bytes.write(Array(whole[..<length]), folder.at("log/data.mdb"))
            let error = failure { _ = try EventLog.open(store: store, .write) }
            guard case .corrupt = error else {
                Issue.record("\(length): \(String(describing: error))")
                return
            }
        }
    }

    @Test(arguments: [.corrupted, .truncated, .notAnEnvironment, .keyExists] as [LMDBError.Code])
    func whatLMDBSaysOfADamagedFileIsDamage(code: LMDBError.Code) {
        let error = EventLogError(LMDBError(code, operation: "move cursor", path: "s/log"))
        guard case .corrupt(path: "s/log", position: nil, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func aFailureThatIsNotOfTheFileIsNoDamage() {
        for code in [.io, .diskFull, .readersFull, .mapFull, .permission] as [LMDBError.Code] {
            let error = EventLogError(LMDBError(code, operation: "put", path: "s/log"))
            guard case .storage = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func createRefusesAFolderThatHasALog() throws {
        try EventLog.create(store: store)
        #expect(failure { try EventLog.create(store: store) } != nil)
        #expect(failure { _ = try EventLog.open(store: store, .read) } == nil)
    }

    @Test func whatWasAppendedIsReadBackBothWays() throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...23))
        #expect(driver.events.count > 20)
        let snapshot = try driver.snapshot()
        var forwards: [LoggedEvent] = []
        try snapshot.forEachEvent(after: .none) { event in
            forwards.append(event)
            return true
        }
        #expect(forwards == driver.events)
        var backwards: [LoggedEvent] = []
        try snapshot.forEachEventBackwards(before: Position(.max)) { event in
            backwards.append(event)
            return true
        }
        #expect(backwards.reversed() == driver.events)
        #expect(forwards.map(\.position.rawValue) == Array(1...UInt64(driver.events.count)))
        var headers: [UInt16] = []
        try snapshot.forEachEntry(after: .none) { entry in
            headers.append(entry.header.typeCode)
            return true
        }
        #expect(headers == driver.events.map(\.event.type.rawValue))
    }

    @Test func scansBeginAndEndWhereTheyAreTold() throws {
        let driver = try StoreDriver()
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...5))
        let snapshot = try driver.snapshot()
        let last = try snapshot.tail().position
        var found: [UInt64] = []
        try snapshot.forEachEvent(after: Position(3)) { event in
            found.append(event.position.rawValue)
            return found.count < 2
        }
        #expect(found == [4, 5])
        found = []
        try snapshot.forEachEventBackwards(before: Position(6)) { event in
            found.append(event.position.rawValue)
            return found.count < 3
        }
        #expect(found == [5, 4, 3])
        found = []
        try snapshot.forEachEvent(after: last) { event in
            found.append(event.position.rawValue)
            return true
        }
        try snapshot.forEachEventBackwards(before: Position(1)) { event in
            found.append(event.position.rawValue)
            return true
        }
        #expect(found == [])
        #expect(try snapshot.event(at: .none) == nil)
        #expect(try snapshot.event(at: last.next) == nil)
        #expect(try snapshot.event(at: last) == driver.events.last)
    }

    @Test func aForeignTailIsRefused() throws {
        let driver = try StoreDriver()
        let tail = driver.control.position
        for wrong in [Position.none, Position(tail.rawValue - 1), tail.next] {
            let error = failure { _ = try driver.log.beginWrite(after: wrong) }
            guard case .foreignTail(_, let expected, let found) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(expected == wrong)
            #expect(found == tail)
        }
        #expect(failure { _ = try driver.log.beginWrite(after: tail) } == nil)
    }

    /// The store is sound: no backup would help.
    @Test func anEventOverALimitOfTheFormatIsNoDamage() throws {
        let driver = try StoreDriver()
        let tail = driver.control.position
        let text = [UInt8](repeating: 0x31, count: CodingLimits.blockBytes + 1)
        let result = DetailsFetched.Result(
            ordinal: Ordinal(0), id: RecordID("1"), was: .pending,
            outcome: .changed(fingerprint: Fingerprint(high: 1, low: 1), body: text[...]))
        let event = LoggedEvent(
            position: tail.next, time: driver.now, stream: StoreDriver.stream, run: .none,
            cause: .none, startsStep: true,
            event: .detailsFetched(
                DetailsFetched(
                    intent: .none, exchange: Exchange(status: 200), results: [result])))
        let error = failure {
            var writer = try driver.log.beginWrite(after: tail)
            try writer.append([event])
        }
        guard case .tooLarge = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try driver.snapshot().tail().position == tail)
    }

    @Test func aWriteThatIsDroppedLeavesNothing() throws {
        let driver = try StoreDriver()
        let before = try driver.snapshot().tail()
        do {
            var writer = try driver.log.beginWrite(after: before.position)
            let event = LoggedEvent(
                position: before.position.next, time: driver.now, stream: .none, run: .none,
                cause: .none, startsStep: true,
                event: .storageMeasured(StorageMeasured(freeBytes: 1, inFlightAllowed: 1)))
            try writer.append([event])
        }
        let after = try driver.snapshot().tail()
        #expect(after.position == before.position)
        #expect(after.head == before.head)
        #expect(try driver.snapshot().event(at: before.position.next) == nil)
    }

    @Test func anEventOutOfItsPlaceTraps() async {
        await #expect(processExitsWith: .failure) { [path = folder.path as String] in
            do {
                let driver = try StoreDriver(TemporaryFolder(lent: path))
                var writer = try driver.log.beginWrite(after: driver.control.position)
                let event = LoggedEvent(
                    position: Position(99), time: driver.now, stream: .none, run: .none,
                    cause: .none, startsStep: true,
                    event: .storageMeasured(StorageMeasured(freeBytes: 1, inFlightAllowed: 1)))
                try? writer.append([event])
            } catch {
                // Not a trap: seen as the success that it must not be.
                exit(0)
            }
            exit(0)
        }
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [1, 2, 7, 1_000])
    func theControlStateIsTheFoldOfTheLogHoweverOftenItIsStored(interval: Int) throws {
        let driver = try StoreDriver()
        driver.saveInterval = interval
        try driver.request(.full)
        try driver.finish(with: FakeAPI(1...23), steps: 4)
        #expect(try driver.snapshot().control() == driver.control)
        try driver.finish(with: FakeAPI(1...23))
        #expect(try driver.snapshot().control() == driver.control)
        let reopened = try EventLog.open(store: driver.folder.path, .write, durability: .none)
        #expect(try reopened.snapshot().control() == driver.control)
    }

    @Test func theTextOfOneRecordIsFoundInItsEvent() throws {
        let driver = try StoreDriver()
        var api = FakeAPI(1...12)
        api.amounts[7] = ["1.50", "2.250"]
        try driver.request(.full)
        try driver.finish(with: api)
        let snapshot = try driver.snapshot()
        for id in 1...12 {
            let row = try #require(try snapshot.row(StoreDriver.stream, RecordID("\(id)")))
            #expect(try snapshot.body(of: row.ordinal, at: row.headerPosition) == api.header(id))
            #expect(try snapshot.body(of: row.ordinal, at: row.detailPosition) == api.detail(id))
        }
        #expect(try snapshot.body(of: Ordinal(0), at: .none) == nil)
        #expect(try snapshot.body(of: Ordinal(0), at: Position(1)) == nil)
        #expect(try snapshot.body(of: Ordinal(99), at: Position(.max)) == nil)
    }

    @Test func aSnapshotStandsStillUntilItIsRenewed() throws {
        let driver = try StoreDriver()
        let snapshot = try driver.snapshot()
        let before = try snapshot.control()
        try driver.request(.full)
        #expect(try snapshot.control() == before)
        try snapshot.renew()
        #expect(try snapshot.control() == driver.control)
    }
}
