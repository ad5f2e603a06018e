internal import LMDB
internal import SyncCore

/// What is stored beside the events, compared with what they say.
extension LogVerifier {
    mutating func checkState() {
        do throws(EventLogError) {
            let stored = try snapshot.control()
            if stored != control { note(nil, "the control state is not the fold of the events") }
            try checkSaved()
            for stream in control.streams {
                try checkRows(stream)
                try checkSeen(stream)
            }
        } catch {
            note(nil, "\(error)")
        }
    }

    /// Without a stored state the log is folded from its beginning, which hides that it was lost.
    private mutating func checkSaved() throws(EventLogError) {
        let saved = try snapshot.storedControl()?.position ?? .none
        let unsaved = control.position.rawValue - min(saved, control.position).rawValue
        if unsaved >= UInt64(EventLog.saveInterval) {
            note(nil, "the control state was lost: the stored one is \(unsaved) events old")
        }
    }

    private mutating func checkRows(_ stream: StreamState) throws(EventLogError) {
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
        // What was counted until then says nothing.
        guard odd == nil else {
            note(nil, "stream \(stream.name): \(odd ?? "")")
            return
        }
        if counts != stream.counts || next != stream.nextOrdinal.rawValue {
            note(nil, "stream \(stream.name): the rows and the counters disagree")
        }
        // Every row that waits has its entry; one entry more belongs to none.
        if try snapshot.queueLength(stream.id) != waiting {
            note(nil, "stream \(stream.name): the queue's index and the rows disagree")
        }
    }

    /// The seen-set of the open pass has as many records as the pass; no other pass has one.
    private mutating func checkSeen(_ stream: StreamState) throws(EventLogError) {
        var distinct: UInt64 = 0
        var odd: String?
        try snapshot.forEachSeenChunk(stream.id) { pass, bits in
            if pass != stream.pass?.number {
                odd = "pass \(pass) is over, but what it saw is kept"
            }
            distinct += bits.reduce(0) { $0 + UInt64($1.nonzeroBitCount) }
            return odd == nil
        }
        if odd == nil, distinct != stream.pass?.distinct ?? 0 {
            odd = "what its pass has seen and the pass's counter disagree"
        }
        if let odd { note(nil, "stream \(stream.name): \(odd)") }
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
