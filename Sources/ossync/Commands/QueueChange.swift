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
        while true {
            do {
                let store = try EngineSession(
                    session, activity: "queue \(ask.rawValue)", creates: false)
                if let store { try change(store) }
                return
            } catch EngineError.locked(let holder) where holder.takesRequests {
                if try asked(holder, session) { return }
            }
        }
    }

    // MARK: As the holder

    private func change(_ store: EngineSession) throws {
        let (session, engine) = (store.session, store.engine)
        let stream = try session.stream(in: engine.control)
        // What can't be done is refused before anything is appended.
        _ = try records(store.log, stream)
        // What an engine that is gone left behind is settled first: that may give a record up, and
        // the event names the state that each one is in.
        _ = try engine.process(
            engine.startInputs(apiIdentity: store.apiIdentity, stream: stream.name))
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

    /// - Returns: false where the holder is gone and has not done it.
    private func asked(_ holder: LockHolder, _ session: Session) throws -> Bool {
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
        let inbox = Inbox(session.folder)
        Interruption.begin()
        defer { Signals.during(nil) }
        let name = try inbox.put(request)
        session.output.note("`ossync \(holder.activity)`, pid \(holder.pid), is asked to do it")
        let clock = SystemClock()
        let lastNs = clock.read().bootNs + Self.patienceNs
        while inbox.has(name) {
            let isOver = EngineLock.isHeld(session.folder) == false
            if isOver || Interruption.isAsked || clock.read().bootNs > lastNs,
                inbox.takeBack(name)
            {
                try Interruption.check("nothing was changed")
                if isOver { return false }
                throw EngineError.locked(holder)
            }
            usleep(20_000)
        }
        try reportAnswer(to: request, log, session.output)
        return true
    }

    private func reportAnswer(
        to request: InboxRequest, _ log: EventLog, _ output: Output
    ) throws {
        var (records, position): ([QueuedRecord], Position) = ([], .none)
        try log.snapshot().forEachEvent(after: request.after, bodies: .none) { event in
            guard let answer = request.answer(event.event) else { return true }
            (records, position) = (answer, event.position)
            return false
        }
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
