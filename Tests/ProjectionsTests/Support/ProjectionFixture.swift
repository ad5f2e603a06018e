import EventLog
import LMDB
import Projections
import Records
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

extension RecordProjection {
    /// Three columns, of which `expense_total` is summed.
    static func os(customer: String = "/customer") throws -> RecordProjection {
        RecordProjection(
            name: "os",
            mapping: try ColumnMapping([
                ColumnMapping.Column(
                    name: "customer", source: .value(try JSONPointer(customer)), type: .text),
                ColumnMapping.Column(
                    name: "version", source: .value(try JSONPointer("/v")), type: .integer),
                ColumnMapping.Column(
                    name: "expense_total",
                    source: .sum(try JSONPointer("/expenses/*/amount", wildcards: true)),
                    type: .decimal),
            ]))
    }
}

/// What a projection says, all of it.
struct Contents: Equatable {
    var rows: [RecordView] = []
    var position = Position.none
    var sum: String?
    var summed: UInt64?

    init(_ projector: RecordProjector) throws {
        var rows: [RecordView] = []
        var position = Position.none
        var total: (sum: String, records: UInt64)?
        try projector.read { reader in
            try reader.forEachRow { row in
                rows.append(row)
                return true
            }
            position = reader.position
            total = reader.total
        }
        self.rows = rows
        self.position = position
        sum = total?.sum
        summed = total?.records
    }

    func column(_ index: Int, _ mapping: ColumnMapping) -> [ColumnValue] {
        rows.map { $0.columns(mapping)[index] }
    }
}

extension StoreDriver {
    var projections: String { folder.at("projections") }

    func projector(_ projection: RecordProjection? = nil) throws -> RecordProjector {
        try RecordProjector(projection ?? .os(), folder: projections, log: log)
    }

    /// What a projection says that is folded from the beginning, in a folder of its own.
    func fromScratch() throws -> Contents {
        let other = TemporaryFolder()
        let projector = try RecordProjector(.os(), folder: other.at("projections"), log: log)
        return try Contents(projector)
    }

    func sync(_ mode: RunMode, _ api: FakeAPI, policy: Policy = .small) throws {
        try request(mode, policy: policy)
        try finish(with: api)
    }

    /// Changes a projection's data behind its back.
    func tamper(
        generation: Int, _ database: String,
        _ body: (borrowing WriteTransaction, Database) throws(LMDBError) -> Void
    ) throws {
        let environment = try Environment.open(
            "\(projections)/os-\(generation)", EnvironmentOptions(maxDatabases: 8))
        let transaction = try environment.beginWrite()
        try body(transaction, try transaction.database(database))
        try transaction.commit()
    }
}
