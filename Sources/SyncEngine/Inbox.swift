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

    package init(_ folder: StoreFolder) { path = folder.inbox }

    // MARK: Asking

    /// Leaves a request there, durably.
    ///
    /// - Returns: its name, for `has` and `takeBack`.
    package func put(_ request: InboxRequest) throws(EngineError) -> String {
        let name = Self.name(request)
        let unfinished = "\(path)/.\(name)"
        do throws(LMDBError) {
            try FileSystem.makeFolder(path)
            try FileSystem.make(unfinished, of: request.bytes)
            try FileSystem.move(unfinished, to: "\(path)/\(name)")
        } catch {
            unlink(unfinished)
            throw .system(operation: error.operation, path: path, reason: error.detail)
        }
        return name
    }

    /// Whether a request is still to be done.
    package func has(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    /// Takes a request away that nobody has done.
    ///
    /// - Returns: false where it is gone: it was done, or is nothing that can be.
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
        /// The fact, to be decided on before anything else: it names what the records are now. None
        /// where nothing can be done, or was done before.
        package let inputs: [Input]
        /// A file that is no request.
        package let rubbish: String?

        package var isEmpty: Bool { name == nil }
    }

    /// What was asked for first; one at a time, because it may change what the next one finds.
    ///
    /// - Throws: where the log can't be read.
    package func turn(_ engine: Engine) throws(EngineError) -> Turn {
        let names = (FileSystem.names(in: path) ?? []).filter { name in
            // One in the making; and a folder, which is not ours to remove.
            !name.hasPrefix(".") && FileSystem.names(in: "\(path)/\(name)") == nil
        }
        guard let name = names.min() else { return Turn(name: nil, inputs: [], rubbish: nil) }
        guard let bytes = TextFile.bytes("\(path)/\(name)"), let request = InboxRequest(bytes)
        else { return Turn(name: name, inputs: [], rubbish: name) }
        let input = try engine.input(of: request)
        return Turn(name: name, inputs: input.map { [$0] } ?? [], rubbish: nil)
    }

    /// To be called once what a turn asks for is durable.
    package func finish(_ turn: Turn) {
        if let name = turn.name { unlink("\(path)/\(name)") }
    }
}

extension Engine {
    /// The fact that a request asks for, about those of its records that it can be done to.
    ///
    /// - Returns: nil where that is none of them, or where it was done before the process that did
    ///   it died.
    func input(of request: InboxRequest) throws(EngineError) -> Input? {
        guard let stream = control.stream(named: request.stream)?.id else { return nil }
        do throws(EventLogError) {
            let snapshot = try log.snapshot()
            var isDone = false
            try snapshot.forEachEvent(after: request.after, bodies: .none) { event in
                isDone = request.answer(event.event) != nil
                return !isDone
            }
            if isDone { return nil }
            var records: [QueuedRecord] = []
            for id in request.ids.prefix(Inbox.mostIDs)
            where !records.contains(where: { $0.id == id }) {
                // One that is being asked for, or has come meanwhile, is not in the queue.
                guard let row = try snapshot.row(stream, id), let queue = row.queue, !queue.inFlight
                else { continue }
                records.append(QueuedRecord(ordinal: row.ordinal, id: id, was: row.state))
            }
            guard !records.isEmpty else { return nil }
            return .fact(request.event(records), stream: stream)
        } catch {
            throw .log(error)
        }
    }
}
