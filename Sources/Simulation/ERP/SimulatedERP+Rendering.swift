internal import EventLog

extension SimulatedERP {
    /// Writes the body of a request that is answered with 200.
    func render(_ action: ERPRoute.Action, _ dataset: ERPDataset) -> [UInt8] {
        switch action {
        case .list(let above, let offset, let limit, let page):
            return renderList(dataset, above: above, offset: offset, limit: limit, page: page)
        case .details(let ids):
            return renderDetails(dataset, ids)
        case .record(let id):
            var json = JSONWriter()
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
        var json = JSONWriter()
        json.object { json in
            json.array("data") { json in
                for id in ids {
                    dataset.order(id).writeHeader(to: &json, idIsText: dataset.idsAreText)
                }
            }
            if configuration.reportsTotal { json.member("total", dataset.count(above: above)) }
            json.member("page", page)
            json.member("per_page", limit)
        }
        return json.bytes
    }

    private func renderDetails(_ dataset: ERPDataset, _ ids: [Int64]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.array("data") { json in
                for id in ids
                where dataset.contains(id) && !configuration.faults.missingIDs.contains(id) {
                    dataset.order(id).writeDetail(
                        to: &json, seed: dataset.seed, idIsText: dataset.idsAreText)
                }
            }
        }
        return json.bytes
    }
}
