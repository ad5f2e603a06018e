internal import EventLog
internal import Glibc
internal import LMDB
package import SyncCore

/// Where other processes leave requests for the one that holds the store: `STORE/inbox`, a file
/// each. A file is there from its rename until what it asks for is durable in the log.
package struct Inbox: Sendable {
    private let path: String

    /// More than a person types, and less than anybody would want to hold in memory.
    package static let mostIDs = 1_000

    /// The end of the name of a request that the holder of the store has taken.
    private static let taken = ".taken"

    private let store: String

    package init(_ folder: StoreFolder) {
        path = folder.inbox
        store = folder.path
    }

    // MARK: Asking

    /// Leaves a request there, durably.
    ///
    /// - Returns: its name, for `has` and `takeBack`.
    package func put(_ request: InboxRequest) throws(EngineError) -> String {
        let name = Self.name(request)
        let unfinished = "\(path)/.\(name)"
        do throws(LMDBError) {
            try FileSystem.makeFolder(path, ownedAs: store)
            try FileSystem.make(unfinished, of: request.bytes)
            // What root leaves there must be the holder's to read and to remove.
            if geteuid() == 0 { try FileSystem.keepOwner(of: path, for: unfinished) }
            try FileSystem.move(unfinished, to: "\(path)/\(name)")
        } catch {
            unlink(unfinished)
            throw .system(operation: error.operation, path: path, reason: error.detail)
        }
        return name
    }

    /// Whether a request is still to be done, or being done.
    package func has(_ name: String) -> Bool {
        // In this order: it is taken by a rename.
        access("\(path)/\(name)", F_OK) == 0
            || access("\(path)/\(name)\(Self.taken)", F_OK) == 0
    }

    /// Takes away what is left of a request, taken or not; for who holds the store, or knows that
    /// nobody does.
    package func discard(_ name: String) {
        unlink("\(path)/\(name)")
        unlink("\(path)/\(name)\(Self.taken)")
    }

    /// Takes a request away that nobody has taken yet.
    ///
    /// - Returns: false where it was done, is being done, or can't be taken away.
    package func takeBack(_ name: String) -> Bool { unlink("\(path)/\(name)") == 0 }

    /// In the order in which they were made, as far as one log tells.
    private static func name(_ request: InboxRequest) -> String {
        let position = String(request.after.rawValue)
        let zeros = String(repeating: "0", count: 20 - position.count)
        return "\(zeros)\(position)-\(String(request.requester.request ?? 0, radix: 16))"
    }

    // MARK: Doing

    /// The next thing to do, as the holder of the store sees it.
    package struct Turn {
        fileprivate let name: String?
        package let work: Work

        package var isEmpty: Bool { name == nil }

        /// The fact, to be decided on before anything else: it names what the records are now. None
        /// where nothing can be done, or was done before.
        package var inputs: [Input] {
            guard case .input(let input) = work else { return [] }
            return [input]
        }

        /// A file that is no request, or one of so long ago that nobody can tell whether it was
        /// done: of before what was moved to the archive.
        package var rubbish: String? {
            guard case .unreadable(let name) = work else { return nil }
            return name
        }

        /// A run to be made, which is done once its `RunRequested` is durable.
        package var run: InboxRequest? {
            guard case .run(let request) = work else { return nil }
            return request
        }
    }

    /// What becomes of a request.
    package enum Work {
        case input(Input)
        case run(InboxRequest)
        /// It was done before, or can't be done any more.
        case nothing
        case unreadable(String)
    }

    /// What was asked for first; one at a time, because it may change what the next one finds.
    ///
    /// It is taken by a rename, so that whoever asked knows that it can't be taken back; one that a
    /// process has taken which is gone is looked at as any other.
    ///
    /// - Parameter makesRuns: whether the holder makes runs that others ask for; else these stay.
    /// - Throws: where the log can't be read.
    package func turn(_ engine: Engine, makesRuns: Bool = false) throws(EngineError) -> Turn {
        let nothing = Turn(name: nil, work: .nothing)
        // Nothing could be taken, or taken away.
        guard access(path, W_OK) == 0 else { return nothing }
        for name in names() {
            let own = name.hasSuffix(Self.taken) ? name : name + Self.taken
            // What can't be read, or taken, is somebody else's, and stays.
            let bytes = TextFile.bytes("\(path)/\(name)")
            if bytes == nil, errno == EACCES || errno == ENOENT { continue }
            let request = bytes.flatMap { InboxRequest($0) }
            if let request, !makesRuns, request.waits(for: engine) { continue }
            guard own == name || rename("\(path)/\(name)", "\(path)/\(own)") == 0 else {
                continue
            }
            let work = try request.flatMap { request throws(EngineError) in
                try engine.work(of: request)
            }
            return Turn(name: own, work: work ?? .unreadable(name))
        }
        return nothing
    }

    private func names() -> [String] {
        let names = (FileSystem.names(in: path) ?? []).filter { name in
            // One in the making; and a folder, which is not ours to remove.
            !name.hasPrefix(".") && FileSystem.names(in: "\(path)/\(name)") == nil
        }
        return names.sorted()
    }

    /// To be called once what a turn asks for is durable.
    ///
    /// - Returns: false where its file can't be removed, so that it will be found done.
    @discardableResult
    package func finish(_ turn: Turn) -> Bool {
        turn.name.map { unlink("\(path)/\($0)") == 0 || errno == ENOENT } ?? true
    }
}

extension InboxRequest {
    /// Whether it is for a holder that makes runs, or for a later moment, as things are.
    fileprivate func waits(for engine: Engine) -> Bool {
        switch ask {
        case .sync: return true
        case .health:
            // A check of the health has one request, which is not this one's; and a run remembers
            // one that is still to be sent.
            guard let invocation = engine.control.invocation, invocation.mode != .health else {
                return true
            }
            return invocation.healthAsked != nil
        case .retry, .drop, .stop: return false
        }
    }
}

extension Engine {
    /// What a request leads to, where it was not done before the process died that did it; nil
    /// where the log can't tell whether it was.
    func work(of request: InboxRequest) throws(EngineError) -> Inbox.Work? {
        do throws(EventLogError) {
            let snapshot = try log.snapshot()
            // One of a log that went on where this one ends is not this one's.
            guard try request.after >= snapshot.archivedThrough(),
                request.after <= control.position
            else { return nil }
            if try request.answer(in: snapshot) != nil { return .nothing }
            let requester = request.requester
            switch request.ask {
            case .retry, .drop: return try change(request, snapshot)
            case .stop(let position):
                guard let invocation = control.invocation, invocation.request == position,
                    invocation.stopping == nil
                else { return .nothing }
                let cancel = CancelRequested(signal: .sigterm, requester: requester)
                return .input(.fact(.cancelRequested(cancel), stream: invocation.stream))
            case .health:
                guard let invocation = control.invocation, invocation.mode != .health else {
                    return .run(request)
                }
                guard invocation.stopping == nil else { return .nothing }
                let health = HealthRequested(requester: requester)
                return .input(.fact(.healthRequested(health), stream: invocation.stream))
            case .sync: return .run(request)
            }
        } catch {
            throw .log(error)
        }
    }

    /// A change of the queue, of those records that it can be done to.
    private func change(
        _ request: InboxRequest, _ snapshot: borrowing LogSnapshot
    ) throws(EventLogError) -> Inbox.Work {
        guard let stream = control.stream(named: request.stream)?.id else { return .nothing }
        var records: [QueuedRecord] = []
        for id in request.ask.ids.prefix(Inbox.mostIDs)
        where !records.contains(where: { $0.id == id }) {
            // One that is being asked for, or has come meanwhile, is not in the queue.
            guard let row = try snapshot.row(stream, id), let queue = row.queue, !queue.inFlight
            else { continue }
            records.append(QueuedRecord(ordinal: row.ordinal, id: id, was: row.state))
        }
        guard !records.isEmpty, let event = request.ask.change(of: records, by: request.requester)
        else { return .nothing }
        return .input(.fact(event, stream: stream))
    }
}
