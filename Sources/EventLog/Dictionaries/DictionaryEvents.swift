internal import LMDB
internal import SyncCore

/// The events that brought a log its dictionaries.
struct DictionaryEvents {
    let path: String
    let events: Database
    let commits: Database
    let archive: LogArchive
    /// Nil where what else the log has can't be opened.
    let schema: LogSchema?

    /// The dictionary of a number as its event has it; nil where no event that can be read does.
    ///
    /// It looks through the whole log: only for what the table doesn't have.
    func row(_ number: UInt16, _ transaction: borrowing ReadTransaction) -> DictionaryRow? {
        let archived = (try? schema?.archivedThrough(transaction, path: path)) ?? .none
        return search(number, transaction, from: Position(1), archived)
            // Segments that are away don't hide what the log itself has.
            ?? (archived == .none
                ? nil : search(number, transaction, from: archived.next, archived))
    }

    private func search(
        _ number: UInt16, _ transaction: borrowing ReadTransaction, from first: Position,
        _ archived: Position
    ) -> DictionaryRow? {
        let coder = EventCoder()
        var found: DictionaryRow?
        do {
            var cursor = try EventCursor(
                transaction, events: events, commits: commits, archive, through: archived)
            var isThere = try cursor.seek(first)
            while isThere, found == nil {
                found = cursor.read { key, value in row(number, key, value, coder) }
                isThere = try cursor.next()
            }
        } catch {
            // Whoever asked says that it is not there; what can't be read, others report.
        }
        return found
    }

    private func row(
        _ number: UInt16, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        _ coder: EventCoder
    ) -> DictionaryRow? {
        guard let position = StoreKeys.position(of: key), let header = try? EventHeader(value),
            header.type == .dictionaryTrained,
            let event = try? coder.decode(position, value, bodies: .none).event,
            case .dictionaryTrained(let trained) = event, trained.number == number
        else { return nil }
        return DictionaryRow(trained)
    }
}
