import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// A log of format 1 becomes one of today's format with the same events, or stays as it was.
@Suite struct LogUpgradeTests {
    private let folder = TemporaryFolder()
    private var store: String { folder.path }
    private var file: String { folder.at("log/data.mdb") }
    private let control: ControlState
    private let head: [UInt8]

    /// Killed while a list pass was open and requests were on the wire; what is derived is rubbish.
    init() throws {
        let driver = try StoreDriver(folder)
        var api = FakeAPI(1...60)
        api.poison = [3]
        try driver.request(.full)
        try driver.finish(with: api)
        try driver.request(.full)
        try driver.finish(with: api, steps: 1)
        control = driver.control
        head = try driver.snapshot().tail().head
        try driver.tamper("meta") { transaction, meta throws(LMDBError) in
            try transaction.put(meta, LogSchema.formatKey, [0, 0, 0, 1])
            try transaction.delete(meta, LogSchema.checkKey)
        }
        try driver.tamper("control") { transaction, control throws(LMDBError) in
            try transaction.put(control, LogSchema.stateKey, [1, 2, 3])
        }
        try driver.tamper("records") { transaction, records throws(LMDBError) in
            try transaction.put(
                records, StoreKeys.record(StoreDriver.stream, Ordinal(0)), [4, 5, 6])
        }
    }

    private var names: Set<String> {
        Set(TemporaryFolder.names(store).filter { $0.hasPrefix("log") })
    }

    @discardableResult
    private func upgrade() throws -> [UInt8] {
        var upgrade = try LogUpgrade(store: store, workers: 0)
        while try upgrade.advance() {}
        #expect(upgrade.position == control.position)
        #expect(upgrade.position == upgrade.end)
        return try upgrade.finish()
    }

    private func failure(_ body: () throws -> Void) -> EventLogError? {
        do {
            try body()
            return nil
        } catch {
            return error as? EventLogError
        }
    }

    private func isRefusedAsOlder(_ mode: EventLog.Mode) -> Bool {
        guard
            case .older = failure({ _ = try EventLog.open(store: store, mode) })
        else { return false }
        return true
    }

    @Test func itIsFoldedAnewWithTheSameChain() throws {
        let pass = try #require(control[StoreDriver.stream].pass)
        #expect(isRefusedAsOlder(.read) && isRefusedAsOlder(.write))
        #expect(try upgrade() == head)
        let log = try EventLog.open(store: store, .write)
        let report = try LogVerifier(log).run()
        #expect(report.problems == [])
        #expect(report.head == head)
        let found = try log.snapshot().control()
        #expect(found == control)
        #expect(found[StoreDriver.stream].pass == pass)
        #expect(names == ["log"])
    }

    /// The new one is made where the link leads to, and the link stays.
    @Test func whereALinkLeadsItIsRaised() throws {
        #expect(mkdir(folder.at("disk"), 0o700) == 0)
        #expect(rename(folder.at("log"), folder.at("disk/here")) == 0)
        #expect(symlink(folder.at("disk/here"), folder.at("log")) == 0)
        #expect(mkdir(folder.at("disk/here.new-format"), 0o700) == 0)
        #expect(chmod(folder.at("disk/here/data.mdb"), 0o640) == 0)
        #expect(try upgrade() == head)
        #expect(Bytes.mode(folder.at("disk/here/data.mdb")) == 0o640)
        var info = stat()
        #expect(lstat(folder.at("log"), &info) == 0 && info.st_mode & S_IFMT == S_IFLNK)
        #expect(TemporaryFolder.names(folder.at("disk")) == ["here"])
        #expect(names == ["log"])
        let log = try EventLog.open(store: store, .write)
        #expect(try LogVerifier(log).run().problems == [])
    }

    @Test func theStateIsStoredAtItsEnd() throws {
        try upgrade()
        let log = try EventLog.open(store: store, .read)
        let transaction = try log.environment.beginRead()
        let stored = try transaction.value(log.schema.control, LogSchema.stateKey)
        #expect(stored != nil)
    }

    @Test func damageLeavesItAsItWas() throws {
        let damaged = Position(control.position.rawValue / 2)
        do {
            let environment = try Environment.open(EventLog.folder(of: store))
            let transaction = try environment.beginWrite()
            let events = try transaction.database("events")
            var value = try transaction.value(events, StoreKeys.position(damaged)) ?? []
            value[40] ^= 1
            try transaction.put(events, StoreKeys.position(damaged), value)
            try transaction.commit()
        }
        let before = Bytes.read(file)
        guard case .corrupt(_, let position, _) = failure({ try upgrade() }) else {
            Issue.record("it was taken for whole")
            return
        }
        #expect(position == damaged)
        let isSame = Bytes.read(file) == before
        #expect(isSame)
        #expect(names == ["log"])
        #expect(isRefusedAsOlder(.write))
    }

    @Test func untilTheEndTheOldOneIsInItsPlace() throws {
        let before = Bytes.read(file)
        var upgrade = try LogUpgrade(store: store, workers: 0)
        while try upgrade.advance() {}
        let isSame = Bytes.read(file) == before
        #expect(isSame)
        #expect(names.count == 2)
        #expect(names.filter { !EventLog.isUnfinished($0) } == ["log"])
    }

    @Test(arguments: ["log.new-format", "log.new-format.new-1"])
    func whatAKilledOneLeftIsRemovedByTheNext(name: String) throws {
        #expect(mkdir(folder.at(name), 0o700) == 0)
        Bytes.write(Array(Bytes.read(file).prefix(5_000)), folder.at("\(name)/data.mdb"))
        try upgrade()
        #expect(names == ["log"])
        #expect(mkdir(folder.at(name), 0o700) == 0)
        Bytes.write([1, 2, 3], folder.at("\(name)/data.mdb"))
        LogUpgrade.removeUnfinished(store)
        #expect(names == ["log"])
        #expect(try LogVerifier(try EventLog.open(store: store, .read)).run().problems == [])
    }
}
