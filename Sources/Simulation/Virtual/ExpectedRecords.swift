internal import Records
internal import SyncCore

/// What the server has, or had, of each record, rendered once a version.
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

    /// The versions that a stored header and detail are; nil for what is none of them.
    struct Match {
        var header: Expected?
        var detail: Expected?
    }

    let mapping: ColumnMapping
    private var known: [Int64: [Expected]] = [:]

    init() throws(RecordsError) { mapping = try SimulationPlan.mapping() }

    /// Finds the versions that a stored header and detail are.
    mutating func match(
        _ id: Int64, _ versions: ClosedRange<UInt32>, header: ArraySlice<UInt8>?,
        detail: ArraySlice<UInt8>?, _ erp: SimulatedERP
    ) throws -> Match {
        var match = Match()
        for version in versions {
            guard let expected = try record(id, version, erp) else { continue }
            if header == expected.header[...] { match.header = expected }
            if detail == expected.detail[...] { match.detail = expected }
        }
        return match
    }

    private mutating func record(
        _ id: Int64, _ version: UInt32, _ erp: SimulatedERP
    ) throws -> Expected? {
        if let expected = known[id]?.first(where: { $0.version == version }) { return expected }
        guard let text = erp.expected(id, version: version) else { return nil }
        let expected = Expected(
            version: version, header: text.header, detail: text.detail,
            expenseCents: text.expenseCents,
            fromHeader: try mapping.values(of: text.header[...], .header),
            fromDetail: try mapping.values(of: text.detail[...], .detail))
        known[id, default: []].append(expected)
        return expected
    }
}
