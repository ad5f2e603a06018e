import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import EventLog

/// Texts are taken out of segments of the archive, whatever an attempt that was killed has left.
@Suite struct ArchiveRedactionTests {
    private let store: ArchivedLog
    private let id = RecordID("7")

    init() throws { store = try ArchivedLog() }

    private func texts() throws -> TextPlaces {
        let snapshot = try store.driver.snapshot()
        let row = try #require(try snapshot.row(StoreDriver.stream, id))
        return try snapshot.texts(
            of: RequestIntended.Asked(ordinal: row.ordinal, id: row.id), in: StoreDriver.stream
        ) { _ in }
    }

    private func append(_ texts: TextPlaces) throws {
        try store.driver.feed(
            .redacted(
                Redacted(
                    records: texts.records, positions: texts.positions, reason: "asked for",
                    requester: Requester(pid: 1, host: "host", user: "user"))),
            stream: texts.stream)
    }

    /// How an event is stored, behind its header.
    private func stored(_ position: Position) throws -> [UInt8] {
        let all = try ArchivedLog.entries(store.driver.snapshot(), from: position)
        return Array(try #require(all.first)[80...])
    }

    /// Whether a segment's file has these bytes anywhere.
    private func holds(_ name: ArchiveName, _ part: [UInt8]) -> Bool {
        let file = Bytes.read("\(store.archive.folder(name))/data.mdb")
        return file.indices.contains { index in
            file[index] == part[0] && file[index...].starts(with: part)
        }
    }

    @Test func aSegmentThatIsCopiedButNotYetMovedIsRedactedByWhoeverAsksAgain() throws {
        let last = try #require(store.ends.last)
        let name = try store.copy(through: last)
        let found = try texts()
        // Killed before it came to the archive.
        try append(found)
        let left = try texts()
        #expect(left.positions.isEmpty)
        try store.log.redactArchive(left)
        try store.note(name)
        try store.log.removeArchived(through: last) { _ in }
        #expect(try texts().positions.isEmpty)
        #expect(try store.verify().isClean)
    }

    @Test func freePagesOfASegmentAreClearedByWhoeverAsksAgain() throws {
        let last = try #require(store.ends.last)
        let found = try texts()
        let parts = try found.positions.map { try stored($0) }
        let name = try store.move(through: last)
        try append(found)
        // Killed between the two steps that a segment takes.
        try store.tamper(name) { transaction, events throws(LMDBError) in
            for position in found.positions {
                let key = StoreKeys.position(position)
                let value = try transaction.value(events, key) ?? []
                let left = value.withUnsafeBytes { bytes in
                    try? EventCoder(store.log.dictionaries).redacted(
                        [found.records[0].ordinal], position, bytes)
                }
                try transaction.put(events, key, left ?? [])
            }
        }
        #expect(parts.contains { holds(name, $0) })
        let left = try texts()
        #expect(left.positions.isEmpty)
        try store.log.redactArchive(left)
        #expect(!parts.contains { holds(name, $0) })
        #expect(try store.verify().isClean)
    }
}
