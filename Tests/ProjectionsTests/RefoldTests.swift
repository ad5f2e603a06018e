import EventLog
import Records
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

/// Rows folded record by record are those that are folded event by event.
@Suite struct RefoldTests {
    private let driver: StoreDriver

    init() throws {
        driver = try StoreDriver()
        try driver.makeHistory()
        var api = FakeAPI(1...300)
        for id in 1...300 { api.amounts[id] = ["\(id).25"] }
        api.poison = [33]
        try driver.sync(.full, api)
        for id in stride(from: 1, through: 300, by: 7) {
            api.headers[id] = 9
            api.details[id] = 9
            api.amounts[id] = []
        }
        try driver.sync(.full, api)
        // Something stays on the wire.
        for id in 301...320 { api.add(id) }
        try driver.request(.incremental)
        try driver.finish(with: api, steps: 6)
    }

    private func refold(
        at control: ControlState, pieces: Int = .max, in folder: TemporaryFolder
    ) throws -> Refold {
        let path = folder.at("sort")
        let plan = try Refold.Plan("os", at: control, driver.snapshot())
        var refold = try Refold(.os(), driver.log, plan, path: path)
        while try refold.collect(atMost: pieces) {
            // As if the process had ended there.
            let state = try refold.flush()
            refold = try Refold(
                .os(), driver.log, plan, path: path,
                resuming: (refold.position, state))
        }
        return refold
    }

    private func rows(
        _ refold: Refold, changes: inout [Refold.TotalChange]
    ) throws -> [RecordView] {
        var rows: [RecordView] = []
        for list in 0..<refold.lists {
            rows += try refold.rows(of: list) { changes.append($0) }
        }
        return rows
    }

    private func rows(_ refold: Refold) throws -> [RecordView] {
        var changes: [Refold.TotalChange] = []
        return try rows(refold, changes: &changes)
    }

    @Test(arguments: [1, 37, 1_000_000])
    func itEndsWithTheSameRowsInOnePieceOrMany(pieces: Int) throws {
        let folder = TemporaryFolder()
        let rows = try rows(refold(at: driver.control, pieces: pieces, in: folder))
        #expect(rows == (try Contents(driver.projector())).rows)
    }

    @Test func itEndsWhereItIsTold() throws {
        for position in stride(from: 40, to: driver.control.position.rawValue, by: 61) {
            let events = driver.events.filter { $0.position.rawValue <= position }
            let other = try StoreDriver()
            try other.copy(events)
            let folder = TemporaryFolder()
            let rows = try rows(refold(at: other.control, in: folder))
            #expect(rows == (try Contents(other.projector())).rows)
        }
    }

    @Test func theChangesOfTheTotalAddUp() throws {
        let folder = TemporaryFolder()
        var changes: [Refold.TotalChange] = []
        _ = try rows(refold(at: driver.control, in: folder), changes: &changes)
        changes.sort { $0.position < $1.position }
        var total = DecimalTotal()
        try driver.projector().read { reader in
            for (index, change) in changes.enumerated() {
                if let before = change.before { try total.subtract(before) }
                if let after = change.after { total.add(after) }
                let isLast =
                    index + 1 == changes.count || changes[index + 1].position > change.position
                guard isLast else { continue }
                let expected = try reader.total(at: change.position)
                #expect(total.description == expected?.sum)
                #expect(total.count == expected?.records)
            }
        }
        #expect(changes.count > 300)
    }

    @Test func aBlockThatTurnedIsNoticed() throws {
        let folder = TemporaryFolder()
        let refold = try refold(at: driver.control, in: folder)
        _ = try refold.flush()
        var bytes = Bytes.read(folder.at("sort"))
        bytes[bytes.count / 2] ^= 8
        Bytes.write(bytes, folder.at("sort"))
        #expect(throws: ProjectionError.self) { try rows(refold) }
    }
}
