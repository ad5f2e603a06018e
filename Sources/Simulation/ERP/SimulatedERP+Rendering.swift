internal import EventLog
internal import SyncCore

extension SimulatedERP {
    /// Writes the body of a request that is answered with 2xx.
    ///
    /// - Parameter fault: the one of the rows that it suffers; others are ignored.
    func render(
        _ action: ERPRoute.Action, _ dataset: ERPDataset, _ fault: ERPFault?, number: Int,
        echo: String?
    ) -> [UInt8] {
        switch action {
        case .list(let above, let offset, let limit, let page):
            let ids = dataset.ids(above: above, offset: offset, limit: limit)
            let rows = rows(of: ids, fault, dataset, number: number, inDetail: false)
            var json = JSONWriter()
            json.object { json in
                json.array("data") { write(rows, to: &$0, dataset, inDetail: false, echo: echo) }
                if configuration.reportsTotal { json.member("total", dataset.count(above: above)) }
                json.member("page", page)
                json.member("per_page", limit)
            }
            return json.bytes
        case .details(let asked):
            let rows = rows(
                of: found(asked, dataset), fault, dataset, number: number, inDetail: true)
            var json = JSONWriter()
            json.object { json in
                json.array("data") { write(rows, to: &$0, dataset, inDetail: true, echo: echo) }
            }
            return json.bytes
        case .record(let id):
            let rows = rows(of: [id], fault, dataset, number: number, inDetail: true)
            var json = JSONWriter()
            // What isn't exactly one row comes as an array.
            if rows.count == 1 {
                write(rows, to: &json, dataset, inDetail: true, echo: echo)
            } else {
                json.array { write(rows, to: &$0, dataset, inDetail: true, echo: echo) }
            }
            return json.bytes
        case .health:
            return Array(#"{"status":"ok"}"#.utf8)
        case .refused(let status, let message):
            return Self.errorBody(status, message)
        }
    }

    /// Those of the orders asked for that a batch contains.
    func found(_ asked: [Int64], _ dataset: ERPDataset) -> [Int64] {
        asked.filter {
            dataset.contains($0)
                && configuration.faults.missing($0, seed: configuration.seed) == nil
        }
    }

    /// An order in an answer, and how its identity is written there.
    private struct Row {
        let id: Int64
        var literal: [UInt8]?
    }

    private func rows(
        of ids: [Int64], _ fault: ERPFault?, _ dataset: ERPDataset, number: Int, inDetail: Bool
    ) -> [Row] {
        func row(_ id: Int64) -> Row {
            Row(id: id, literal: dataset.identities.literal(id, inDetail: inDetail))
        }
        var rows = ids.map(row)
        guard let fault, fault.isOfRows, !rows.isEmpty else { return rows }
        // A poisoned order is the one that spoils the answer; else any.
        let poisoned = ids.firstIndex(where: configuration.faults.poisonIDs.contains)
        let share = SeededGenerator.unit(configuration.seed, UInt64(number), 0x0203)
        let index = (inDetail ? poisoned : nil) ?? Int(share * Double(rows.count))
        let odd = ["true", "[7]", "{\"id\":7}", "\"\"", "-0", "1e3"]
        switch fault {
        case .missingID: rows[index].literal = nil
        case .nullID: rows[index].literal = Array("null".utf8)
        case .floatID: rows[index].literal = Array("\(ids[index]).0".utf8)
        case .oddID: rows[index].literal = Array(odd[number % odd.count].utf8)
        case .repeatedRow: rows.insert(rows[index], at: index)
        case .leftOut: rows.remove(at: index)
        case .stranger:
            let stranger = row(dataset.lastID + 1_000)
            if ids.count == 1 { rows = [stranger] } else { rows.insert(stranger, at: index) }
        default: break
        }
        return rows
    }

    private func write(
        _ rows: [Row], to json: inout JSONWriter, _ dataset: ERPDataset, inDetail: Bool,
        echo: String?
    ) {
        for row in rows {
            let order = dataset.order(row.id)
            if inDetail {
                order.writeDetail(
                    to: &json, seed: dataset.seed, id: row.literal, openedBy: echo)
            } else {
                order.writeHeader(to: &json, id: row.literal, openedBy: echo)
            }
        }
    }
}
