import Glibc
import SyncCore
import SyncEngine
import TestSupport
import Testing

@testable import ossync

@Suite struct BackupManifestTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.at("backup.json") }

    private static let manifest = BackupManifest(
        createdAt: "2026-11-24T08:00:00Z", position: Position(4_711),
        time: "2026-11-24T07:59:59.123Z", head: String(repeating: "ab", count: 32), events: 4_711,
        apiIdentity: "https://erp.example.com/\"api\"", bytes: 1 << 33,
        sha256: String(repeating: "0f", count: 32))

    private func code(_ body: () throws -> Void) -> Int32? {
        do {
            try body()
            return nil
        } catch { return CommandFailure(describing: error).exitCode }
    }

    @Test func itIsReadAsItWasWritten() throws {
        try Self.manifest.write(to: BackupFolder(folder.path))
        #expect(try BackupManifest.read(from: folder.path) == Self.manifest)
    }

    @Test func anEmptyLogHasNoTimeAndNoAPI() throws {
        let empty = BackupManifest(
            createdAt: "2026-11-24T08:00:00Z", position: .none, time: nil, head: "00", events: 0,
            apiIdentity: nil, bytes: 1, sha256: "00")
        try empty.write(to: BackupFolder(folder.path))
        #expect(try BackupManifest.read(from: folder.path) == empty)
    }

    @Test func aFolderWithoutOneIsNoBackup() {
        #expect(code { _ = try BackupManifest.read(from: folder.path) } == 2)
        #expect(code { _ = try BackupManifest.read(from: folder.at("absent")) } == 2)
    }

    private static let whole =
        #"{"v":1,"type":"backup","createdAt":"","position":1,"head":"","events":1,"#
        + #""bytes":1,"sha256":""}"#

    @Test func theLeastThatItMustSay() throws {
        Bytes.write(Array(Self.whole.utf8), path)
        #expect(try BackupManifest.read(from: folder.path).position == Position(1))
    }

    @Test(arguments: [
        (#"{"v":1,"#, #"{"v":2,"#), (#""backup""#, #""store""#), (#""position":1"#, #""p":1"#),
        (#""position":1"#, #""position":-1"#), (#""head":"""#, #""head":1"#),
        (#""sha256""#, #""sha1""#), (#""bytes":1"#, #""bytes":"1""#), ("}", ""), (whole, ""),
        (whole, "[]"),
    ])
    func oneThatSaysOtherwiseIsDamaged(part: String, other: String) throws {
        var text = Self.whole
        text.replaceSubrange(try #require(text.firstRange(of: part)), with: other)
        Bytes.write(Array(text.utf8), path)
        #expect(code { _ = try BackupManifest.read(from: folder.path) } == 12)
    }
}

@Suite struct BackupLedgerTests {
    private let folder = TemporaryFolder()
    private var ledger: BackupLedger { BackupLedger(StoreFolder(folder.path)) }

    private func entry(_ number: UInt64) -> BackupLedger.Entry {
        BackupLedger.Entry(
            path: "/backups/\"\(number)\" \u{E9}",
            BackupManifest(
                createdAt: "2026-11-24T08:00:00Z", position: Position(number), time: nil,
                head: "00", events: number, apiIdentity: nil, bytes: 1, sha256: "00"))
    }

    @Test func itKeepsItsOrder() throws {
        #expect(try ledger.entries().isEmpty)
        for number in 1...3 { try ledger.add(entry(UInt64(number))) }
        #expect(try ledger.entries() == [entry(1), entry(2), entry(3)])
    }

    @Test func aLineThatACrashHasCutCostsNoOther() throws {
        try ledger.add(entry(1))
        let whole = Bytes.read(folder.at("backups"))
        try ledger.add(entry(2))
        let both = Bytes.read(folder.at("backups"))
        for length in whole.count..<both.count {
            Bytes.write(Array(both[..<length]), folder.at("backups"))
            try ledger.add(entry(3))
            let found = try ledger.entries()
            #expect(found.first == entry(1))
            #expect(found.last == entry(3))
        }
    }

    @Test func aBackupIsThereWhileItIsTheSameOne() throws {
        let manifest = BackupManifest(
            createdAt: "2026-11-24T08:00:00Z", position: Position(1), time: nil, head: "00",
            events: 1, apiIdentity: nil, bytes: 1, sha256: "00")
        let made = BackupLedger.Entry(path: folder.path, manifest)
        #expect(!made.isThere)
        try manifest.write(to: BackupFolder(folder.path))
        #expect(made.isThere)
        #expect(!BackupLedger.Entry(path: folder.path, entry(2).manifest).isThere)
    }
}

extension BackupLedger.Entry {
    /// Of another backup at the same path.
    fileprivate var manifest: BackupManifest {
        BackupManifest(
            createdAt: createdAt, position: position, time: nil, head: head, events: 2,
            apiIdentity: nil, bytes: 1, sha256: "00")
    }
}
