internal import Records
internal import SyncCore

/// What a health request to the list shows of whether the configuration fits it; never recorded.
package struct ListSample: Sendable, Equatable {
    /// How many records were asked for; nil where the API isn't told.
    package let asked: Int?
    package let rows: Int
    package let distinct: Int
    /// Where numbers are that may be the total, if `list.total` names none.
    package let totals: [String]

    init(asked: Int?, slices: RecordSlicer.Slices, body: [UInt8], hasTotal: Bool) {
        self.asked = asked
        rows = slices.records.count
        distinct = Set(slices.records.lazy.map(\.id)).count
        totals =
            hasTotal && slices.total == nil ? AnswerShape.totals(in: body, rows: rows) : []
    }
}

extension RESTConfiguration {
    /// How many records a health request asks the list for: two, so that their identities can be
    /// compared.
    var sampleSize: Int { min(list.paging.size, 2) }
}
