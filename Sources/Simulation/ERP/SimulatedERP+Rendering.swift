extension SimulatedERP {
    /// Writes the body of a request that is answered with 200.
    func render(_ action: ERPRoute.Action, _ dataset: ERPDataset) -> [UInt8] {
        switch action {
        case .list(let above, let offset, let limit, let page):
            return renderList(dataset, above: above, offset: offset, limit: limit, page: page)
        case .details(let ids):
            return renderDetails(dataset, ids)
        case .record(let id):
            var json = JSONWriter(capacity: 2_048)
            dataset.order(id).writeDetail(
                to: &json, seed: dataset.seed, idIsText: dataset.idsAreText)
            return json.bytes
        case .health:
            return Array(#"{"status":"ok"}"#.utf8)
        case .refused(let status, let message):
            return Self.errorBody(status, message)
        }
    }

    private func renderList(
        _ dataset: ERPDataset, above: Int64, offset: Int, limit: Int, page: Int
    ) -> [UInt8] {
        let ids = dataset.ids(above: above, offset: offset, limit: limit)
        var json = JSONWriter(capacity: 128 + ids.count * 512)
        json.raw("{\"data\":[")
        for (index, id) in ids.enumerated() {
            if index > 0 { json.raw(",") }
            dataset.order(id).writeHeader(to: &json, idIsText: dataset.idsAreText)
        }
        json.raw("]")
        if configuration.reportsTotal {
            json.raw(",\"total\":")
            json.integer(dataset.count(above: above))
        }
        json.raw(",\"page\":")
        json.integer(page)
        json.raw(",\"per_page\":")
        json.integer(limit)
        json.raw("}")
        return json.bytes
    }

    private func renderDetails(_ dataset: ERPDataset, _ ids: [Int64]) -> [UInt8] {
        var json = JSONWriter(capacity: 16 + ids.count * 2_048)
        json.raw("{\"data\":[")
        var isFirst = true
        for id in ids
        where dataset.contains(id) && !configuration.faults.missingIDs.contains(id) {
            if !isFirst { json.raw(",") }
            isFirst = false
            dataset.order(id).writeDetail(
                to: &json, seed: dataset.seed, idIsText: dataset.idsAreText)
        }
        json.raw("]}")
        return json.bytes
    }
}
