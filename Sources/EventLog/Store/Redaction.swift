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
    /// The events that can't be read, ascending: they may hold a text.
    package fileprivate(set) var unread: [Position] = []

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
    /// - Throws: what leads no further; an event that is damaged by itself is passed over and told.
    package func texts(
        of record: RequestIntended.Asked, in stream: StreamID, _ progress: (Position) -> Void
    ) throws(EventLogError) -> TextPlaces {
        var found = TextPlaces(of: [record], stream)
        let ordinals: Set = [record.ordinal]
        try scan(from: Position(1)) { position, value throws(EventLogError) in
            progress(position)
            do throws(EventCodingError) {
                let header = try EventHeader(value)
                guard header.stream == stream else {
                    // Which stream it is of is part of what may be damaged.
                    _ = header.canHoldText ? try coder.checkedHeader(position, value) : header
                    return true
                }
                if let redacted = try coder.redacted(header, position, value),
                    redacted.records.contains(where: { ordinals.contains($0.ordinal) })
                {
                    found.redactedAt = position
                }
                try found.take(coder, header, position, value, ordinals)
            } catch {
                guard !error.isNewer else { throw damaged(position, error) }
                found.unread.append(position)
            }
            return true
        }
        return found
    }

    /// The texts of all records in one event; nil beyond the log's end.
    package func texts(at position: Position) throws(EventLogError) -> TextPlaces? {
        guard position != .none else { return nil }
        var found: TextPlaces?
        try scan(from: position) { at, value throws(EventLogError) in
            do throws(EventCodingError) {
                let header = try EventHeader(value)
                guard at == position else {
                    guard found?.records.isEmpty == false else { return false }
                    if try coder.redacted(header, at, value)?.positions.contains(position) ?? false
                    {
                        found?.redactedAt = at
                    }
                    return true
                }
                let event = try coder.decode(at, value, bodies: .none)
                let owners = event.event.textOwners
                var texts = TextPlaces(of: owners, event.stream)
                try texts.take(coder, header, at, value, Set(owners.map(\.ordinal)))
                found = texts
            } catch {
                // Whoever redacted another one is not asked about.
                if at == position || error.isNewer { throw damaged(at, error) }
            }
            return true
        }
        return found
    }

    /// What an event that can't be read is, and in which folder.
    func damaged(_ position: Position, _ error: EventCodingError) -> EventLogError {
        .damaged(place(of: position), position, error)
    }

    /// The folder that an event is in, as far as that can be told.
    package func place(of position: Position) -> String {
        guard let archived = try? archivedThrough(), position <= archived,
            let name = try? log.archive.names().last(where: { $0.holds(position) })
        else { return log.path }
        return log.archive.folder(name)
    }

    /// What all redactions of the log say, and which of its events that may be one can't be read.
    package func redactedTexts() throws(EventLogError) -> RedactedTexts {
        var found = RedactedTexts()
        try scan(from: Position(1)) { position, value throws(EventLogError) in
            do throws(EventCodingError) {
                let header = try EventHeader(value)
                if let redacted = try coder.redacted(header, position, value) {
                    found.claims.add(redacted)
                }
            } catch {
                guard !error.isNewer else { throw damaged(position, error) }
                found.unread.append(position)
            }
            return true
        }
        return found
    }
}

/// All texts that were taken out of a log.
package struct RedactedTexts: Sendable {
    var claims = RedactionClaims()
    /// Events that can't be read, and may say more.
    package fileprivate(set) var unread: [Position] = []

    /// Takes in what is to be taken out.
    package mutating func add(_ redacted: Redacted) { claims.add(redacted) }
}

extension EventHeader {
    /// Whether it says that there are texts of records, or that some were taken out.
    fileprivate var canHoldText: Bool { flags.contains(.hasBodies) || type == .redacted }
}

extension EventCoder {
    /// The event, if it is one that says what was taken out.
    fileprivate func redacted(
        _ header: EventHeader, _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> Redacted? {
        guard header.type == .redacted,
            case .redacted(let redacted) = try decode(position, value, bodies: .none).event
        else { return nil }
        return redacted
    }
}

extension TextPlaces {
    fileprivate mutating func take(
        _ coder: EventCoder, _ header: EventHeader, _ position: Position,
        _ value: UnsafeRawBufferPointer, _ ordinals: Set<Ordinal>
    ) throws(EventCodingError) {
        guard header.flags.contains(.hasBodies) else { return }
        let own = try coder.texts(position, value).filter {
            $0.length > 0 && ordinals.contains($0.record.ordinal)
        }
        guard !own.isEmpty else { return }
        first = first ?? position
        let left = own.filter(\.isThere)
        guard !left.isEmpty else { return }
        positions.append(position)
        bytes += left.reduce(0) { $0 + $1.length }
    }
}

extension LogWriter {
    /// How many events of the log still have a text that is said to have been taken out.
    func textsLeft(of redacted: Redacted) throws(EventLogError) -> Int {
        var claims = RedactionClaims()
        claims.add(redacted)
        var events = 0
        do throws(LMDBError) {
            for position in redacted.positions {
                let key = StoreKeys.position(position)
                guard let value = try transaction.value(log.schema.events, key) else { continue }
                let isThere = value.withUnsafeBytes {
                    (try? coder.hasText(of: claims, position, $0)) ?? false
                }
                if isThere { events += 1 }
            }
        } catch {
            throw EventLogError(error)
        }
        return events
    }

    /// Takes out what an event says that was taken out, as far as it is in the log itself, and
    /// notes that files aren't clean yet.
    func redact(_ redacted: Redacted, at position: Position) throws(EventLogError) {
        var claims = RedactionClaims()
        claims.add(redacted)
        for failure in try log.redact(
            claims, redacted.positions, log.schema.events, transaction, coder, log.path)
        { throw failure }
        let open = try log.schema.unfinishedRedaction(transaction, path: log.path)
        do throws(LMDBError) {
            try log.schema.putUnfinished(
                transaction,
                UnfinishedRedaction(first: open?.first ?? position, newest: position))
        } catch {
            throw EventLogError(error)
        }
    }
}

extension EventLog {
    /// Takes texts out of events, as far as they are in a table.
    ///
    /// - Parameter path: what is named as damaged.
    /// - Returns: which events could not be read, and why.
    /// - Throws: what leads no further.
    func redact(
        _ claims: RedactionClaims, _ positions: [Position], _ events: Database,
        _ transaction: borrowing WriteTransaction, _ coder: EventCoder, _ path: String
    ) throws(EventLogError) -> [EventLogError] {
        var failures: [EventLogError] = []
        do throws(LMDBError) {
            for position in positions {
                let key = StoreKeys.position(position)
                // It may be elsewhere: in the archive, or in the log that this is a part of.
                guard let value = try transaction.value(events, key) else { continue }
                let result = value.withUnsafeBytes { bytes in
                    Result { () throws(EventCodingError) in
                        try coder.redacted(claims, position, bytes)
                    }
                }
                switch result {
                case .failure(let error): failures.append(.damaged(path, position, error))
                case .success(nil): break
                case .success(let replaced?): try transaction.put(events, key, replaced)
                }
            }
        } catch {
            throw EventLogError(error)
        }
        return failures
    }
}
