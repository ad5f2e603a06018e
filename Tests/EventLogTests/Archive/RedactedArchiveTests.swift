import Glibc
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// What was taken out of a log is in no file of it in the end, and is shown by none before.
@Suite struct RedactedArchiveTests {
    private let store: ArchivedLog
    private let names: [ArchiveName]
    /// As they were.
    private let files: [ArchiveName: [UInt8]]
    private let record: RequestIntended.Asked
    private let positions: [Position]
    /// What was stored of it, behind the headers.
    private let parts: [[UInt8]]

    init() throws {
        let store = try ArchivedLog()
        let snapshot = try store.driver.snapshot()
        let row = try #require(try snapshot.row(StoreDriver.stream, RecordID("3")))
        let record = RequestIntended.Asked(ordinal: row.ordinal, id: row.id)
        let positions = try snapshot.texts(of: record, in: StoreDriver.stream) { _ in }.positions
        let middle = try #require(store.ends.firstIndex { $0 >= positions[0] })
        try store.move(middle, store.ends.count - 2)
        let archive = store.archive
        let names = try archive.names()
        archive.close()
        #expect(positions.allSatisfy { $0 <= names[1].last })
        #expect(positions.contains { names[0].holds($0) })
        #expect(positions.contains { names[1].holds($0) })
        files = Dictionary(
            uniqueKeysWithValues: names.map { ($0, Bytes.read("\(archive.folder($0))/data.mdb")) })
        let before = store.before
        parts = positions.map { Array(before[Int($0.rawValue) - 1].dropFirst(8 + 64)) }
        self.store = store
        self.names = names
        self.record = record
        self.positions = positions
    }

    /// - Returns: where it says so.
    @discardableResult
    private func redact(in other: ArchivedLog? = nil) throws -> Position {
        let store = other ?? store
        try store.driver.feed(
            .redacted(
                Redacted(
                    records: [record], positions: positions, reason: "asked for",
                    requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: StoreDriver.stream)
        return store.driver.control.position
    }

    private func clean() throws {
        let texts = try store.driver.snapshot().redactedTexts()
        let unclean = try store.log.uncleanSegments(texts)
        #expect(unclean.failures == [])
        #expect(store.log.clean(unclean.names, of: texts) == [])
        #expect(try store.log.uncleanSegments(texts).names == [])
    }

    private func unclean() throws -> [ArchiveName] {
        try store.log.uncleanSegments(store.driver.snapshot().redactedTexts()).names
    }

    private func hasText(_ name: ArchiveName) -> Bool {
        store.archive.close()
        let file = Bytes.read("\(store.archive.folder(name))/data.mdb")
        return parts.contains { contains(file, $0) }
    }

    private func contains(_ file: [UInt8], _ part: [UInt8]) -> Bool {
        guard file.count >= part.count else { return false }
        return file.withUnsafeBytes { file in
            part.withUnsafeBytes { part in
                (0...(file.count - part.count)).contains {
                    guard let start = file.baseAddress, let other = part.baseAddress else {
                        return false
                    }
                    return memcmp(start + $0, other, part.count) == 0
                }
            }
        }
    }

    @Test func thatFilesAreNotCleanIsNotedWithTheEvent() throws {
        #expect(try store.driver.snapshot().unfinishedRedaction() == nil)
        let first = try redact()
        #expect(
            try store.driver.snapshot().unfinishedRedaction()
                == UnfinishedRedaction(first: first, newest: first))
        let newest = try redact()
        #expect(
            try store.driver.snapshot().unfinishedRedaction()
                == UnfinishedRedaction(first: first, newest: newest))
        let report = try store.verify()
        #expect(report.problems.contains { $0.part == .redaction && $0.position == newest })
        try clean()
        #expect(try store.driver.snapshot().unfinishedRedaction() != nil, "free pages of the log")
        #expect(store.log.finishRedaction() == [])
        let log = try store.log.reopened()
        #expect(try log.snapshot().unfinishedRedaction() == nil)
        #expect(try LogVerifier(log).run().problems == [])
    }

    @Test func noReaderIsShownWhatIsOnItsWayOut() throws {
        try redact()
        #expect(names.allSatisfy(hasText))
        let snapshot = try store.driver.snapshot()
        for position in positions {
            let event = try #require(try snapshot.event(at: position)?.event)
            let index = try #require(event.bodyIndex(of: record.ordinal))
            #expect(event.bodies[index].isEmpty)
            #expect(try snapshot.body(of: record.ordinal, at: position) == [])
        }
        let shown = try ArchivedLog.entries(snapshot)
        #expect(
            try ArchivedLog.entries(snapshot, from: Position(.max), backwards: true)
                == shown.reversed())
        for (now, before) in zip(shown, store.before) where now != before {
            let at = now.withUnsafeBytes { StoreKeys.position(of: .init(rebasing: $0[..<8])) }
            #expect(positions.contains(at ?? .none))
        }
        #expect(shown.count { now in parts.contains { contains(now, $0) } } == 0)
        try clean()
        #expect(try ArchivedLog.entries(store.driver.snapshot()) == shown, "as it was shown")
    }

    @Test func everySegmentOfThisLogIsCleaned() throws {
        // One that a killed compaction copied, and one that overlaps both.
        let wide = ArchiveName(first: Position(1), last: names[1].last)
        let other = try ArchivedLog()
        try other.move(through: wide.last)
        other.archive.close()
        store.put(Bytes.read("\(other.archive.folder(wide))/data.mdb"), as: wide)
        let all = names + [wide]
        #expect(all.allSatisfy(hasText))
        try redact()
        #expect(try Set(unclean()) == Set(all))
        try clean()
        #expect(!all.contains(where: hasText))
    }

    /// After a kill between the event's way out and the copy: no text is there, but in free pages.
    @Test func freePagesOfASegmentAreCleanedToo() throws {
        try redact()
        try clean()
        try store.tamper(names[0]) { transaction, events throws(LMDBError) in
            let value = try transaction.value(events, StoreKeys.position(Position(1))) ?? []
            try transaction.put(events, StoreKeys.position(Position(1)), value)
        }
        #expect(try unclean() == [names[0]])
        try clean()
    }

    @Test(arguments: 0...1)
    func aCopyOfBeforeThatIsPutBackIsFound(index: Int) throws {
        let event = try redact()
        try clean()
        #expect(store.log.finishRedaction() == [])
        let log = try store.log.reopened()
        store.put(files[names[index]] ?? [], as: names[index])
        log.archive.close()
        let report = try LogVerifier(log).run()
        #expect(report.problems.map(\.part) == [.redaction])
        #expect(report.problems.first?.position.map(names[index].holds) == true)
        let text = report.problems.first?.text ?? ""
        for word in ["segment \(names[index].text)", "@\(event.rawValue)", "log redact 3`"] {
            #expect(text.contains(word), "\(text)")
        }
        #expect(try LogVerifier(log, skipsArchive: true).run().problems == [])
        log.archive.close()
        #expect(try unclean() == [names[index]])
        try clean()
        #expect(!hasText(names[index]))
    }

    @Test func whatIsFoundIsRememberedByACheckThatGoesOn() throws {
        let at = try redact()
        var progress = VerifyProgress()
        progress.control = store.driver.control
        progress.position = store.driver.control.position
        progress.head = [UInt8](repeating: 7, count: 32)
        progress.redactions = [at, at.next]
        let read = progress.encoded.withUnsafeBytes { VerifyProgress(encoded: $0) }
        #expect(read?.redactions == [at, at.next])
    }

    @Test func segmentsOfAnotherLogAreLeftAlone() throws {
        try redact()
        try clean()
        let other = try ArchivedLog(records: 31)
        try other.move(through: other.ends[other.ends.count - 2])
        let foreign = try other.archive.names()[0]
        other.archive.close()
        let file = Bytes.read("\(other.archive.folder(foreign))/data.mdb")
        store.put(file, as: foreign)
        #expect(try unclean() == [])
        #expect(Bytes.read("\(store.archive.folder(foreign))/data.mdb") == file)
    }

    @Test func oneSegmentThatFailsKeepsNoOtherFromBeingCleaned() throws {
        try redact()
        let position = try #require(positions.first { names[0].holds($0) })
        try store.spoil(names[0], position)
        let texts = try store.driver.snapshot().redactedTexts()
        let unclean = try store.log.uncleanSegments(texts)
        #expect(unclean.names == names)
        let failures = store.log.clean(unclean.names, of: texts)
        #expect(failures.count == 1)
        guard case .corrupt(let path, position, _)? = failures.first else {
            Issue.record("\(failures)")
            return
        }
        #expect(path == store.archive.folder(names[0]))
        #expect(!hasText(names[1]))
    }

    /// A text that was taken out since must not come back with what was copied before.
    @Test func whatAKilledCompactionCopiedIsMadeWhatTheLogSays() throws {
        let store = try ArchivedLog()
        let name = try store.copy(through: store.ends[store.ends.count - 2])
        try redact(in: store)
        let now = try ArchivedLog.entries(store.driver.snapshot())
        #expect(try store.log.unfinishedSegment(through: name.last)?.name == name)
        try store.goOn(through: name.last)
        let archived = try ArchivedLog.entries(store.driver.snapshot())
        #expect(Array(archived.prefix(now.count)) == now)
        store.archive.close()
        let file = Bytes.read("\(store.archive.folder(name))/data.mdb")
        #expect(!parts.contains { contains(file, $0) })
    }

    @Test func aDamagedEventIsPassedOverAndTold() throws {
        let other = try #require(
            store.driver.events.last {
                !$0.event.textOwners.isEmpty && !positions.contains($0.position)
            }?.position)
        let name = try #require(names.first { $0.holds(other) })
        try store.spoil(name, other)
        let snapshot = try store.driver.snapshot()
        let found = try snapshot.texts(of: record, in: StoreDriver.stream) { _ in }
        #expect(found.positions == positions)
        #expect(found.unread == [other])
        #expect(snapshot.place(of: other) == store.archive.folder(name))
        #expect(failure { _ = try snapshot.texts(at: other) }?.damage?.position == other)
    }

    @Test func whoRedactedAnEventIsToldForItsPosition() throws {
        #expect(try store.driver.snapshot().texts(at: positions[0])?.redactedAt == nil)
        let event = try redact()
        let found = try #require(try store.driver.snapshot().texts(at: positions[0]))
        #expect(found.redactedAt == event)
        #expect(found.first == positions[0])
        let page = try #require(store.driver.events.first { $0.event.type == .pageFetched })
        #expect(
            try store.driver.snapshot().texts(at: page.position)?.redactedAt
                == (positions.contains(page.position) ? event : nil))
    }

    @Test func whatIsSalvagedHasNoTraceOfIt() throws {
        let event = try redact()
        try clean()
        #expect(store.log.finishRedaction() == [])
        for name in names { store.put(files[name] ?? [], as: name) }
        let folder = TemporaryFolder()
        try EventLog.create(store: folder.path, durability: .none)
        let made = try EventLog.open(store: folder.path, .write, durability: .none)
        var salvage = try LogSalvage(from: store.driver.folder.path, into: made)
        while try salvage.advance() {}
        #expect(salvage.position >= event)
        #expect(salvage.textsLeft == positions.count)
        let log = try LogSalvage.complete(made)
        #expect(try log.snapshot().unfinishedRedaction() == nil)
        #expect(try LogVerifier(log).run().problems == [])
        let file = Bytes.read("\(log.path)/data.mdb")
        #expect(!parts.contains { contains(file, $0) })
        #expect(TemporaryFolder.names(folder.path) == ["log"])
    }

    @Test func eachByteOfTheNoteMatters() throws {
        try redact()
        let key = LogSchema.cleaningKey
        let good = try #require(
            try store.log.environment.beginRead().value(store.log.schema.meta, key))
        for bytes in Bytes.damaged(good) {
            try store.driver.tamper("meta") { transaction, meta throws(LMDBError) in
                try transaction.put(meta, key, bytes)
            }
            let snapshot = try store.driver.snapshot()
            #expect(failure { _ = try snapshot.unfinishedRedaction() }?.damage != nil, "\(bytes)")
            #expect(failure { _ = try snapshot.event(at: Position(3)) }?.damage != nil)
        }
    }
}
