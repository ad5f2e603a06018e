internal import Records
internal import SyncCore
internal import Synchronization

/// What the server has of each record, rendered once a version.
struct ExpectedRecords {
    /// A record as list and detail show it, and what its columns are by both.
    struct Expected {
        let version: UInt32
        let header: [UInt8]
        let detail: [UInt8]
        let expenseCents: Int64
        let fromHeader: [ColumnValue?]
        let fromDetail: [ColumnValue?]
    }

    let mapping: ColumnMapping
    private var known: [Int64: Expected] = [:]

    init() throws(RecordsError) { mapping = try SimulationPlan.mapping() }

    /// - Returns: nil for a record that the server doesn't have.
    mutating func record(_ id: Int64, _ erp: SimulatedERP) throws -> Expected? {
        guard let version = erp.version(of: id) else { return nil }
        if let expected = known[id], expected.version == version { return expected }
        guard let text = erp.expected(id) else { return nil }
        let expected = Expected(
            version: text.version, header: text.header, detail: text.detail,
            expenseCents: text.expenseCents,
            fromHeader: try mapping.values(of: text.header[...], .header),
            fromDetail: try mapping.values(of: text.detail[...], .detail))
        known[id] = expected
        return expected
    }
}

extension SimulatedERP {
    /// The version of a record; nil for one that the server doesn't have.
    fileprivate func version(of id: Int64) -> UInt32? {
        state.withLock { $0.dataset.contains(id) ? $0.dataset.version(id) : nil }
    }
}
