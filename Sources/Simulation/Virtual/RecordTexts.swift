internal import SyncCore

/// The newest texts of each record, as the events of the log bring them.
struct RecordTexts {
    struct Text {
        let position: Position
        let body: ArraySlice<UInt8>
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
        default: break
        }
    }
}
