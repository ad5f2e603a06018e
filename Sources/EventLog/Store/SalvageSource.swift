internal import LMDB
internal import SyncCore

/// A log of which only events and chain are asked for, whatever else of its environment is damaged.
struct SalvageSource {
    let path: String
    let environment: Environment
    let events: Database
    let commits: Database
    private let schema: LogSchema?
    private let archive: LogArchive
    let dictionaries: DictionaryShelf

    /// Opens the log of a store for reading; nothing in its folder is changed but LMDB's own lock
    /// file.
    ///
    /// - Throws: `.noStore`, `.newer`, and whatever says why it can't be read at all.
    init(store: String) throws(EventLogError) {
        path = EventLog.folder(of: store)
        archive = LogArchive(of: store)
        do {
            environment = try Environment.open(path, EnvironmentOptions(readOnly: true))
            let transaction = try environment.beginRead()
            // A format that can't be read says nothing; each event names its own.
            let format = (try? LogSchema.format(transaction)) ?? LogSchema.format
            guard format <= LogSchema.format else {
                throw EventLogError.newer(path: store, found: "store format \(format)")
            }
            events = try transaction.database("events")
            commits = try transaction.database("commits")
            // What is damaged of it may be what nobody asks for.
            schema = try? LogSchema(opening: transaction)
            dictionaries = DictionaryShelf(environment, schema?.dictionaries)
            try transaction.keepDatabases()
        } catch let error as LMDBError where error.code == .notFound && error.operation == "open" {
            throw .noStore(path: store)
        } catch let error as LMDBError {
            throw .corrupt(
                path: path, position: nil, reason: "\(error.operation) failed: \(error.detail)")
        } catch let error as EventLogError {
            throw error
        } catch {
            throw .notAStore(path: store, reason: "\(error)")
        }
    }

    /// A cursor over all events, those in the archive too, as far as it is known what is there.
    func events(_ transaction: borrowing ReadTransaction) throws(EventLogError) -> EventCursor {
        let archived =
            (try? schema?.archivedThrough(transaction, path: path)) ?? archive.names().last?.last
        do throws(LMDBError) {
            return try EventCursor(
                transaction, events: events, commits: commits, archive,
                through: archived ?? .none)
        } catch {
            throw EventLogError(error)
        }
    }

    func beginRead() throws(EventLogError) -> ReadTransaction {
        do throws(LMDBError) {
            return try environment.beginRead()
        } catch {
            throw EventLogError(error)
        }
    }

    /// Calls `body` with what can be read of the events after a position, until it says no.
    ///
    /// - Throws: where LMDB leads no further.
    func forEachEvent(
        after position: Position, _ body: (Position, UnsafeRawBufferPointer) -> Bool
    ) throws(LMDBError) {
        let transaction = try environment.beginRead()
        var cursor = try transaction.cursor(events)
        var isThere = try cursor.seek(StoreKeys.position(position.next))
        while isThere {
            let goesOn = cursor.read { key, value in
                guard let position = StoreKeys.position(of: key) else { return true }
                return body(position, value)
            }
            guard goesOn else { return }
            isThere = try cursor.next()
        }
    }
}
