internal import LMDB
internal import SyncCore

/// What is stored beside the events, compared with what they say.
extension LogVerifier {
    mutating func checkState(_ seen: SeenFold, _ dictionaries: [UInt16: UInt64]) {
        do throws(EventLogError) {
            let stored = try snapshot.control()
            if stored != control {
                note(.rows, nil, "the control state is not the fold of the events")
            }
            try checkSaved()
            try checkFormat()
            var expected = Entries()
            for stream in control.streams { try checkRows(stream, &expected) }
            try checkSeen(seen)
            try check(dictionaries)
            try checkEntries(expected)
        } catch {
            note(.rows, nil, "\(error)")
        }
    }

    /// A format that turned into another one that is known would be believed.
    private mutating func checkFormat() throws(EventLogError) {
        let isSound: Bool
        do throws(LMDBError) {
            isSound = try snapshot.log.schema.isFormatSound(snapshot.transaction)
        } catch {
            throw EventLogError(error)
        }
        if !isSound { note(.rows, nil, "the format of the store is not the one that was written") }
    }

    /// Without a stored state the log is folded from its beginning, which hides that it was lost.
    private mutating func checkSaved() throws(EventLogError) {
        let saved = try snapshot.storedControl()?.position ?? .none
        let unsaved = control.position.rawValue - min(saved, control.position).rawValue
        if unsaved >= UInt64(EventLog.saveInterval) {
            note(.rows, nil, "the control state was lost: the stored one is \(unsaved) events old")
        }
    }

    private mutating func checkRows(
        _ stream: StreamState, _ expected: inout Entries
    ) throws(EventLogError) {
        var counts = RecordCounts()
        var waiting = 0
        var next: UInt32 = 0
        var odd: String?
        let inFlight = Set(control.inFlight.flatMap(\.ordinals))
        let order = stream.idOrder ?? .none
        try snapshot.forEachRow(stream.id) { row throws(EventLogError) in
            if row.ordinal.rawValue != next { odd = "record number \(next) has no row" }
            next += 1
            counts.add(row.state)
            if try snapshot.ordinal(stream.id, row.id) != row.ordinal {
                odd = "the index of identities doesn't lead to record \(row.id)"
            }
            if let key = row.queueKey(order: order) {
                waiting += 1
                if try !snapshot.isQueued(stream.id, key) {
                    odd = "record \(row.id) is not in its place in the queue"
                }
            }
            if row.queue?.inFlight ?? false, !inFlight.contains(row.ordinal) {
                odd = "record \(row.id) waits for a request that isn't in flight"
            }
            return odd == nil
        }
        expected.isKnown = expected.isKnown && odd == nil
        // What was counted until then says nothing.
        guard odd == nil else {
            note(.rows, nil, "stream \(stream.name): \(odd ?? "")")
            return
        }
        if counts != stream.counts || next != stream.nextOrdinal.rawValue {
            note(.rows, nil, "stream \(stream.name): the rows and the counters disagree")
        }
        expected.rows += Int(next)
        expected.waiting += waiting
    }

    /// The pieces of seen-sets are those that the events make.
    private mutating func checkSeen(_ seen: SeenFold) throws(EventLogError) {
        var left = seen.chunks
        var odd: [UInt8]?
        try snapshot.forEachSeenChunk { key, bits in
            if left.removeValue(forKey: key) != bits { odd = key }
            return odd == nil
        }
        odd = odd ?? left.keys.first
        guard let odd else { return }
        note(.rows, nil, odd.withUnsafeBytes { Self.seenProblem($0, control) })
    }

    private static func seenProblem(
        _ key: UnsafeRawBufferPointer, _ control: ControlState
    ) -> String {
        let stream = StoreKeys.streamID(of: key)
        let pass = StoreKeys.pass(ofSeenKey: key) ?? 0
        guard let state = control.streams.first(where: { $0.id == stream }) else {
            return "what a stream has seen is kept that doesn't exist"
        }
        return state.pass?.number == pass
            ? "stream \(state.name): what pass \(pass) has seen is not what its pages had"
            : "stream \(state.name): pass \(pass) is over, but what it saw is kept"
    }

    /// The table has the dictionaries that the events brought, and nothing else.
    private mutating func check(_ dictionaries: [UInt16: UInt64]) throws(EventLogError) {
        guard let table = snapshot.log.schema.dictionaries else { return }
        var left = dictionaries
        do throws(LMDBError) {
            for (_, row) in try snapshot.transaction.dictionaries(table) {
                if let row, left.removeValue(forKey: row.number) == row.checksum { continue }
                note(.rows, nil, "a dictionary is not the one that its event brought")
                return
            }
        } catch {
            throw EventLogError(error)
        }
        if let number = left.keys.min() { note(.rows, nil, "dictionary \(number) is missing") }
        if try snapshot.counted(table) != dictionaries.count {
            note(.rows, nil, "table \(table.name) counts other entries than it has")
        }
    }

    /// How many entries the databases must have.
    private struct Entries {
        var isKnown = true
        var rows = 0
        var waiting = 0
    }

    /// Whether there is anything more than what was found by its key, and whether LMDB counts what
    /// is there.
    private mutating func checkEntries(_ expected: Entries) throws(EventLogError) {
        let schema = snapshot.log.schema
        let archived = try snapshot.archivedThrough()
        let events = Int(control.position.rawValue - min(archived, control.position).rawValue)
        for (database, wanted) in [(schema.events, events), (schema.commits, commits)]
        where try snapshot.counted(database) != wanted {
            note(.events, nil, "table \(database.name) counts other entries than it has")
        }
        let states = try snapshot.storedControl() == nil ? 0 : 1
        if try snapshot.entries(of: schema.control) != states {
            note(.rows, nil, "table control has what nobody stored there")
        }
        guard expected.isKnown else { return }
        for (database, wanted) in [
            (schema.records, expected.rows), (schema.ids, expected.rows),
            (schema.queue, expected.waiting),
        ] {
            // What is there without a row is walked over only here.
            let found = try snapshot.entries(of: database)
            let counted = try snapshot.counted(database)
            if found != wanted || counted != wanted {
                note(
                    .rows, nil,
                    "table \(database.name) has \(found) entries and counts \(counted), the rows "
                        + "make \(wanted)")
            }
        }
    }
}

extension RecordCounts {
    fileprivate mutating func add(_ state: RecordState) {
        switch state {
        case .unknown: break
        case .synced: synced += 1
        case .pending: pending += 1
        case .retrying: retrying += 1
        case .parked: parked += 1
        case .dropped: dropped += 1
        }
    }
}
