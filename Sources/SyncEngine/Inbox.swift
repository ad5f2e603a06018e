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
        /// The fact, to be decided on before anything else: it names what the records are now. None
        /// where nothing can be done, or was done before.
        package let inputs: [Input]
        /// A file that is no request, or one of so long ago that nobody can tell whether it was
        /// done: of before what was moved to the archive.
        package let rubbish: String?

        package var isEmpty: Bool { name == nil }
    }

    /// What was asked for first; one at a time, because it may change what the next one finds.
    ///
    /// It is taken by a rename, so that whoever asked knows that it can't be taken back; one that a
    /// process has taken which is gone is looked at as any other.
    ///
    /// - Throws: where the log can't be read.
    package func turn(_ engine: Engine) throws(EngineError) -> Turn {
        let names = (FileSystem.names(in: path) ?? []).filter { name in
            // One in the making; and a folder, which is not ours to remove.
            !name.hasPrefix(".") && FileSystem.names(in: "\(path)/\(name)") == nil
        }
        for name in names.sorted() {
            let own = name.hasSuffix(Self.taken) ? name : name + Self.taken
            // What can't be taken, or read, is somebody else's, and stays.
            guard own == name || rename("\(path)/\(name)", "\(path)/\(own)") == 0,
                access("\(path)/\(own)", R_OK) == 0 || errno != EACCES
            else { continue }
            guard let bytes = TextFile.bytes("\(path)/\(own)"), let request = InboxRequest(bytes),
                let input = try engine.input(of: request)
            else { return Turn(name: own, inputs: [], rubbish: name) }
            return Turn(name: own, inputs: input.map { [$0] } ?? [], rubbish: nil)
        }
        return Turn(name: nil, inputs: [], rubbish: nil)
    }

    /// To be called once what a turn asks for is durable.
    ///
    /// - Returns: false where its file can't be removed: it will be found done.
    @discardableResult
    package func finish(_ turn: Turn) -> Bool {
        turn.name.map { unlink("\(path)/\($0)") == 0 } ?? true
    }
}

extension Engine {
    /// The fact that a request asks for, about those of its records that it can be done to.
    ///
    /// - Returns: none where that is none of them, or where it was done before the process that did
    ///   it died; nil where the log can't tell whether it was done.
    func input(of request: InboxRequest) throws(EngineError) -> Input?? {
        guard let stream = control.stream(named: request.stream)?.id else { return .some(nil) }
        do throws(EventLogError) {
            let snapshot = try log.snapshot()
            guard try request.after >= snapshot.archivedThrough() else { return nil }
            if try request.answer(in: snapshot) != nil { return .some(nil) }
            var records: [QueuedRecord] = []
            for id in request.ids.prefix(Inbox.mostIDs)
            where !records.contains(where: { $0.id == id }) {
                // One that is being asked for, or has come meanwhile, is not in the queue.
                guard let row = try snapshot.row(stream, id), let queue = row.queue, !queue.inFlight
                else { continue }
                records.append(QueuedRecord(ordinal: row.ordinal, id: id, was: row.state))
            }
            guard !records.isEmpty else { return .some(nil) }
            return .some(.fact(request.event(records), stream: stream))
        } catch {
            throw .log(error)
        }
    }
}
