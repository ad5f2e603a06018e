internal import SyncCore

/// The newest texts of each record, as the events of the log bring them; empty once redacted.
struct RecordTexts {
    struct Text {
        let position: Position
        fileprivate(set) var body: ArraySlice<UInt8>

        fileprivate mutating func redact(at positions: Set<Position>) {
            if positions.contains(position) { body = [] }
        }
    }

    private(set) var headers: [Ordinal: Text] = [:]
    private(set) var details: [Ordinal: Text] = [:]

    mutating func take(_ logged: LoggedEvent) {
        switch logged.event {
        case .pageFetched(let page):
            for entry in page.entries {
                headers[entry.ordinal] = Text(position: logged.position, body: entry.body)
            }
        case .detailsFetched(let details):
            for result in details.results {
                guard case .changed(_, let body) = result.outcome else { continue }
                self.details[result.ordinal] = Text(position: logged.position, body: body)
            }
        case .redacted(let redacted):
            let positions = Set(redacted.positions)
            for record in redacted.records {
                headers[record.ordinal]?.redact(at: positions)
                details[record.ordinal]?.redact(at: positions)
            }
        default: break
        }
    }
}
