internal import LMDB
package import SyncCore

/// Where texts of some records are in a log.
package struct TextPlaces: Sendable, Equatable {
    /// Whose.
    package let records: [RequestIntended.Asked]
    package let stream: StreamID
    /// The events that hold one, ascending.
    package fileprivate(set) var positions: [Position] = []
    /// How many bytes they have.
    package fileprivate(set) var bytes = 0
    /// The first event that holds one, or held one until it was redacted.
    package fileprivate(set) var first: Position?
    /// The last `Redacted` that names one of the records, or the event that was asked about.
    package fileprivate(set) var redactedAt: Position?
    /// The events that hold one, or held one: an attempt that was killed may have left what it took
    /// out of them in files of the archive.
    fileprivate var held: [Position] = []

    fileprivate init(of records: [RequestIntended.Asked], _ stream: StreamID) {
        self.records = records
        self.stream = stream
    }
}

extension LogSnapshot {
    /// Looks through the whole log, the archive too, for the texts of a record.
    ///
    /// No index is asked: what is to be taken out must be found whatever else is damaged.
    ///
    /// - Parameter progress: is told each position.
    package func texts(
        of record: RequestIntended.Asked, in stream: StreamID, _ progress: (Position) -> Void
    ) throws(EventLogError) -> TextPlaces {
        var found = TextPlaces(of: [record], stream)
        let ordinals: Set = [record.ordinal]
        try forEachEntry(after: .none) { entry throws(EventLogError) in
            progress(entry.position)
            guard entry.header.stream == stream else { return true }
            try found.take(entry, ordinals)
            return true
        }
        return found
    }

    /// The texts of all records in one event; nil beyond the log's end.
    package func texts(at position: Position) throws(EventLogError) -> TextPlaces? {
        guard position != .none else { return nil }
        var found: TextPlaces?
        try forEachEntry(after: Position(position.rawValue - 1)) { entry throws(EventLogError) in
            guard entry.position == position else {
                guard found?.records.isEmpty == false else { return false }
                try found?.takeRedaction(entry, of: position)
                return true
            }
            let event = try entry.event(bodies: .none)
            let owners = event.event.textOwners
            var texts = TextPlaces(of: owners, event.stream)
            try texts.take(entry, Set(owners.map(\.ordinal)))
            found = texts
            return true
        }
        return found
    }
}

extension TextPlaces {
    fileprivate mutating func takeRedaction(
        _ entry: LogEntry, of position: Position
    ) throws(EventLogError) {
        guard entry.header.type == .redacted,
            case .redacted(let redacted) = try entry.event().event,
            redacted.positions.contains(position)
        else { return }
        redactedAt = entry.position
    }

    fileprivate mutating func take(
        _ entry: LogEntry, _ ordinals: Set<Ordinal>
    ) throws(EventLogError) {
        if entry.header.type == .redacted {
            guard case .redacted(let redacted) = try entry.event().event,
                redacted.records.contains(where: { ordinals.contains($0.ordinal) })
            else { return }
            redactedAt = entry.position
        }
        guard entry.header.flags.contains(.hasBodies) else { return }
        let texts: [RecordText]
        do throws(EventCodingError) {
            texts = try entry.coder.texts(entry.position, entry.value)
        } catch {
            throw entry.log.damaged(entry.position, error)
        }
        let own = texts.filter { $0.length > 0 && ordinals.contains($0.record.ordinal) }
        guard !own.isEmpty else { return }
        first = first ?? entry.position
        held.append(entry.position)
        let left = own.filter(\.isThere)
        guard !left.isEmpty else { return }
        positions.append(entry.position)
        bytes += left.reduce(0) { $0 + $1.length }
    }
}

extension LogWriter {
    /// Takes out what an event says that was taken out, as far as it is in the log itself.
    func redact(_ redacted: Redacted) throws(EventLogError) {
        let ordinals = Set(redacted.records.map(\.ordinal))
        try log.redact(ordinals, redacted.positions, log.schema.events, transaction, coder)
    }
}

extension EventLog {
    /// Takes texts out of the archive, and what an attempt that was killed has left of them in
    /// segments that it had come to; nothing of the archive may be open in this process.
    package func redactArchive(_ texts: TextPlaces) throws(EventLogError) {
        archive.close()
        let ordinals = Set(texts.records.map(\.ordinal))
        for name in try archive.names() {
            let positions = texts.held.filter { name.holds($0) }
            guard !positions.isEmpty else { continue }
            do throws(LMDBError) {
                let environment = try Environment.open(archive.folder(name))
                let transaction = try environment.beginWrite()
                let events = try transaction.database("events")
                do throws(EventLogError) {
                    try redact(ordinals, positions, events, transaction, EventCoder(dictionaries))
                } catch {
                    throw LMDBError(
                        .other(0), operation: "redact", path: archive.folder(name),
                        detail: "\(error)")
                }
                try transaction.commit()
                // Its free pages have what was taken out, now or by that attempt.
                try environment.replaceByCompacted()
            } catch {
                throw EventLogError(error)
            }
        }
    }

    fileprivate func redact(
        _ ordinals: Set<Ordinal>, _ positions: [Position], _ events: Database,
        _ transaction: borrowing WriteTransaction, _ coder: EventCoder
    ) throws(EventLogError) {
        for position in positions {
            let key = StoreKeys.position(position)
            let value: [UInt8]?
            do throws(LMDBError) {
                value = try transaction.value(events, key)
            } catch {
                throw EventLogError(error)
            }
            // It is elsewhere: in the archive, or in the log that this is a part of.
            guard let value else { continue }
            let result = value.withUnsafeBytes { bytes in
                Result { () throws(EventCodingError) in
                    try coder.redacted(ordinals, position, bytes)
                }
            }
            if case .failure(let error) = result { throw damaged(position, error) }
            guard case .success(let replaced?) = result else { continue }
            do throws(LMDBError) {
                try transaction.put(events, key, replaced)
            } catch {
                throw EventLogError(error)
            }
        }
    }
}
