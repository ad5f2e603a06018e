import EventLog
import Glibc
import SyncCore
import SyncEngine

/// Changes the queue entries of some records by one event: as the holder of the store, or by asking
/// the sync that holds it.
struct QueueChange {
    let global: GlobalOptions
    /// `.retry` or `.drop`.
    let ask: InboxRequest.Ask

    func run() throws {
        let session = try Session(global)
        var asked: HolderRequest?
        while true {
            do {
                let store = try EngineSession(
                    session, activity: "queue \(ask.kind.rawValue)", creates: false)
                if let store { try change(store, asked) }
                return
            } catch EngineError.locked(let holder)
                where holder.takes.contains(ask.kind) || asked != nil
            {
                if asked == nil { asked = try ask(holder, session) }
                if let asked, try asked.wait() {
                    return try reportAnswer(to: asked, session.openLog(), session.output)
                }
            }
        }
    }

    // MARK: As the holder

    private func change(_ store: EngineSession, _ asked: HolderRequest?) throws {
        let (session, engine) = (store.session, store.engine)
        let stream = try session.stream(in: engine.control)
        // What can't be done is refused before anything is appended.
        if asked == nil { _ = try records(store.log, stream) }
        // What an engine that is gone left behind is settled first: that may give a record up, and
        // the event names the state that each one is in.
        _ = try engine.process(store.startInputs(stream: stream.name))
        // What was asked of it was asked before; what this command has asked is among that.
        let inbox = Inbox(session.folder)
        while case let turn = try inbox.turn(engine), !turn.isEmpty {
            _ = try engine.process(turn.inputs)
            guard inbox.finish(turn) else { break }
        }
        if let asked { return try reportAnswer(to: asked, store.log, session.output) }
        let records = try records(store.log, stream)
        guard let event = ask.change(of: records, by: session.requester) else { return }
        _ = try engine.process([.fact(event, stream: stream.id)])
        report(records, engine.control.position, session.output)
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

    private func ask(_ holder: LockHolder, _ session: Session) throws -> HolderRequest {
        guard ask.ids.count <= Inbox.mostIDs else {
            throw CommandFailure(
                ExitCode.usage,
                "\(ask.ids.count) ids: a running sync takes at most \(Inbox.mostIDs) "
                    + "at once; nothing was changed")
        }
        let log = try session.openLog()
        let control = try log.snapshot().control()
        let stream = try session.stream(in: control)
        _ = try records(log, stream)
        Interruption.begin()
        let asked = try HolderRequest(ask, of: holder, stream: stream.name, control, session)
        asked.announce()
        return asked
    }

    private func reportAnswer(
        to asked: HolderRequest, _ log: EventLog, _ output: Output
    ) throws {
        let answer = try asked.request.answer(in: log.snapshot())
        let records = answer?.event.changedInQueue ?? []
        let left = ask.ids.filter { id in !records.contains { $0.id == id } }
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
        report(records, answer?.position ?? .none, output)
    }

    /// The records as they are in the queue now.
    private func records(_ log: EventLog, _ stream: StreamState) throws -> [QueuedRecord] {
        let snapshot = try log.snapshot()
        var records: [QueuedRecord] = []
        for id in ask.ids {
            guard stream.id != .none, let row = try snapshot.row(stream.id, id) else {
                throw CommandFailure(
                    ExitCode.failure,
                    "there is no record \(id.text) in stream \(stream.name); nothing was changed")
            }
            guard row.state != .synced else {
                throw CommandFailure(
                    ExitCode.failure,
                    "record \(id.text) is not in the queue: it has its details; nothing was changed"
                )
            }
            guard !records.contains(where: { $0.id == row.id }) else { continue }
            records.append(QueuedRecord(ordinal: row.ordinal, id: row.id, was: row.state))
        }
        return records
    }
}

extension Event {
    /// The records that a change of the queue was done to.
    fileprivate var changedInQueue: [QueuedRecord] {
        switch self {
        case .queueRetried(let event): event.records
        case .queueDropped(let event): event.records
        default: []
        }
    }
}
