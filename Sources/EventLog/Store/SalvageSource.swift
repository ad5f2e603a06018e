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
            dictionaries = DictionaryShelf(
                environment, schema?.dictionaries,
                DictionaryEvents(
                    path: path, events: events, commits: commits, archive: archive, schema: schema))
            try transaction.keepDatabases()
        } catch let error as LMDBError where error.code == .notFound && error.operation == "open" {
            throw .noStore(path: store)
        } catch let error as LMDBError {
            // For want of files or rights nothing can be said of it.
            guard error.isDamage || error.code == .notFound || error.code == .versionMismatch else {
                throw .storage(error)
            }
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
        let archived = try archivedThrough(transaction)
        do throws(LMDBError) {
            return try EventCursor(
                transaction, events: events, commits: commits, archive, through: archived,
                without: redactionMask(transaction))
        } catch {
            throw EventLogError(error)
        }
    }

    /// What a redaction that isn't finished takes out need not be copied.
    private func redactionMask(_ transaction: borrowing ReadTransaction) -> RedactionMask? {
        guard let found = try? schema?.unfinishedRedaction(transaction, path: path),
            let claims = try? found.claims(transaction, events, EventCoder(dictionaries))
        else { return nil }
        return RedactionMask(claims, dictionaries)
    }

    /// What the log says of it, else what comes before its own first event, else what is there.
    private func archivedThrough(
        _ transaction: borrowing ReadTransaction
    ) throws(EventLogError) -> Position {
        if let said = try? schema?.archivedThrough(transaction, path: path), said != .none {
            return said
        }
        if var cursor = try? transaction.cursor(events), (try? cursor.first()) == true,
            let first = cursor.read({ key, _ in StoreKeys.position(of: key) }), first != .none
        {
            return Position(first.rawValue - 1)
        }
        return try archive.names().map(\.last).max() ?? .none
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
    ) throws(EventLogError) {
        let transaction = try beginRead()
        let archived = try archivedThrough(transaction)
        var next = position.next
        for name in try archive.names() {
            let (first, last) = (max(next, name.first), min(name.last, archived))
            guard first <= last else { continue }
            do throws(EventLogError) {
                guard try walk(transaction, first...last, body) else { return }
            } catch {
                // Where a segment leads no further, the next one may.
                guard error.isDamage || error.isMissing else { throw error }
            }
            next = last.next
        }
        _ = try walk(transaction, max(next, archived.next)...Position(.max), body)
    }

    /// - Returns: whether `body` wants more.
    private func walk(
        _ transaction: borrowing ReadTransaction, _ positions: ClosedRange<Position>,
        _ body: (Position, UnsafeRawBufferPointer) -> Bool
    ) throws(EventLogError) -> Bool {
        var cursor = try events(transaction)
        var isThere = try cursor.seek(positions.lowerBound)
        var isWithin = true
        while isThere {
            let goesOn = cursor.read { key, value in
                guard let position = StoreKeys.position(of: key) else { return true }
                isWithin = position <= positions.upperBound
                return !isWithin || body(position, value)
            }
            guard goesOn, isWithin else { return goesOn }
            isThere = try cursor.next()
        }
        return true
    }
}
