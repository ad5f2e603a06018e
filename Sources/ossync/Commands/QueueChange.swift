import EventLog
import Glibc
import SyncCore
import SyncEngine

/// Changes the queue entries of some records by one event: as the holder of the store, or by asking
/// the sync that holds it.
struct QueueChange {
    let global: GlobalOptions
    let ids: [String]
    let ask: InboxRequest.Ask

    /// A sync looks for requests once a second, and after each commit.
    private static let patienceNs: Int64 = 30 * .nsPerSecond

    func run() throws {
        let session = try Session(global)
        var asked: Asked?
        while true {
            do {
                let store = try EngineSession(
                    session, activity: "queue \(ask.rawValue)", creates: false)
                if let store { try change(store, asked) }
                return
            } catch EngineError.locked(let holder) where holder.takesRequests || asked != nil {
                if asked == nil { asked = try ask(holder, session) }
                if let asked, try isAnswered(asked, holder, session) { return }
            }
        }
    }

    // MARK: As the holder

    private func change(_ store: EngineSession, _ asked: Asked?) throws {
        let (session, engine) = (store.session, store.engine)
        let stream = try session.stream(in: engine.control)
        // What can't be done is refused before anything is appended.
        if asked == nil { _ = try records(store.log, stream) }
        // What an engine that is gone left behind is settled first: that may give a record up, and
        // the event names the state that each one is in.
        _ = try engine.process(
            engine.startInputs(apiIdentity: store.apiIdentity, stream: stream.name))
        // What was asked of it was asked before; what this command has asked is among that.
        let inbox = Inbox(session.folder)
        while case let turn = try inbox.turn(engine), !turn.isEmpty {
            _ = try engine.process(turn.inputs)
            guard inbox.finish(turn) else { break }
        }
        if let asked { return try reportAnswer(to: asked.request, store.log, session.output) }
        let records = try records(store.log, stream)
        let event = request(stream, session.requester, after: engine.control.position)
            .event(records)
        _ = try engine.process([.fact(event, stream: stream.id)])
        report(records, engine.control.position, session.output)
    }

    private func request(
        _ stream: StreamState, _ requester: Requester, after position: Position
    ) -> InboxRequest {
        InboxRequest(
            ask: ask, stream: stream.name, ids: ids.map { RecordID($0) }, requester: requester,
            after: position)
    }

    private func report(_ records: [QueuedRecord], _ position: Position, _ output: Output) {
        output.note("\(records.count) \(records.count == 1 ? "record" : "records") changed")
        guard output.isJSON else { return }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "summary"), ("exitCode", .number(0)),
                ("records", .number(records.count)), ("position", .number(position.rawValue)),
            ]).line)
    }

    // MARK: By asking the holder

    /// What was asked of the holder, and until when it may take its time.
    private struct Asked {
        let request: InboxRequest
        let name: String
        let lastNs: Int64
    }

    private func ask(_ holder: LockHolder, _ session: Session) throws -> Asked {
        guard ids.count <= Inbox.mostIDs else {
            throw CommandFailure(
                ExitCode.usage,
                "\(ids.count) ids: a running sync takes at most \(Inbox.mostIDs) "
                    + "at once; nothing was changed")
        }
        let log = try session.openLog()
        let control = try log.snapshot().control()
        let stream = try session.stream(in: control)
        _ = try records(log, stream)
        var random = SystemRandomNumberGenerator()
        let request = request(
            stream, session.requester.numbered(random.next()), after: control.position)
        Interruption.begin()
        let name = try Inbox(session.folder).put(request)
        session.output.note("`ossync \(holder.activity)`, pid \(holder.pid), is asked to do it")
        return Asked(
            request: request, name: name, lastNs: SystemClock().read().bootNs + Self.patienceNs)
    }

    /// Waits for the holder.
    ///
    /// - Returns: false where the lock seems to be free, and is to be tried again.
    private func isAnswered(
        _ asked: Asked, _ holder: LockHolder, _ session: Session
    ) throws -> Bool {
        let (inbox, clock) = (Inbox(session.folder), SystemClock())
        while inbox.has(asked.name) {
            // What it has taken is done soon, or left to whoever holds the store next.
            let waitedNs = clock.read().bootNs - asked.lastNs
            if Interruption.isAsked || waitedNs > 0, inbox.takeBack(asked.name) {
                try Interruption.check("nothing was changed")
                throw EngineError.locked(holder)
            }
            if waitedNs > Self.patienceNs {
                throw CommandFailure(
                    ExitCode.failure,
                    "\(session.folder.inbox)/\(asked.name): the request can't be taken back, and "
                        + "may still be done", hint: "`ossync log show --event QueueRetried`")
            }
            usleep(20_000)
            if EngineLock.isHeld(session.folder) == false { return false }
        }
        try reportAnswer(to: asked.request, session.openLog(), session.output)
        return true
    }

    private func reportAnswer(
        to request: InboxRequest, _ log: EventLog, _ output: Output
    ) throws {
        let (records, position) = try request.answer(in: log.snapshot()) ?? ([], .none)
        let left = request.ids.filter { id in !records.contains { $0.id == id } }
        guard !records.isEmpty else {
            throw CommandFailure(
                ExitCode.failure,
                "nothing was changed: the sync is asking for these records, or has their details "
                    + "by now")
        }
        if !left.isEmpty {
            let names = left.map(\.text).joined(separator: ", ")
            output.note(
                "left alone, because they are being asked for or have their details by now: "
                    + names.withoutControls)
        }
        report(records, position, output)
    }

    /// The records as they are in the queue now.
    private func records(_ log: EventLog, _ stream: StreamState) throws -> [QueuedRecord] {
        let snapshot = try log.snapshot()
        var records: [QueuedRecord] = []
        for id in ids {
            guard stream.id != .none, let row = try snapshot.row(stream.id, RecordID(id)) else {
                throw CommandFailure(
                    ExitCode.failure,
                    "there is no record \(id) in stream \(stream.name); nothing was changed")
            }
            guard row.state != .synced else {
                throw CommandFailure(
                    ExitCode.failure,
                    "record \(id) is not in the queue: it has its details; nothing was changed")
            }
            guard !records.contains(where: { $0.id == row.id }) else { continue }
            records.append(QueuedRecord(ordinal: row.ordinal, id: row.id, was: row.state))
        }
        return records
    }
}

extension Requester {
    fileprivate func numbered(_ number: UInt64) -> Requester {
        Requester(pid: pid, host: host, user: user, request: number)
    }
}
