package import LMDB
internal import Locks
package import SyncCore

/// The log of a store: events, control state and core rows in one environment, `STORE/log`.
///
/// One writer at a time, which holds the engine's lock; readers in any number, in any process.
package final class EventLog: Sendable {
    package enum Mode: Sendable {
        case read
        case write
    }

    /// The control state is stored at least once in so many events.
    package static let saveInterval = 256

    /// The folder of the environment.
    package let path: String
    package let environment: Environment
    let schema: LogSchema
    /// Its oldest events, once they were moved there.
    package let archive: LogArchive
    /// What texts of its events are compressed with.
    package let dictionaries: DictionaryShelf
    /// Whether what is committed must be found under the path later.
    let isKept: Bool
    /// What was read of redactions that aren't finished, and which these are.
    let unfinishedClaims = Mutex<(of: UnfinishedRedaction, claims: RedactionClaims)?>(nil)

    private init(path: String, environment: Environment, schema: LogSchema, isKept: Bool) {
        self.path = path
        self.environment = environment
        self.schema = schema
        self.isKept = isKept
        archive = LogArchive(of: FileSystem.parent(of: path))
        dictionaries = DictionaryShelf(
            environment, schema.dictionaries,
            DictionaryEvents(
                path: path, events: schema.events, commits: schema.commits, archive: archive,
                schema: schema))
    }

    /// The folder of the log within a store.
    package static func folder(of store: String) -> String { "\(store)/log" }

    /// Whether a name in a store's folder is what a killed process left of a log it was making.
    package static func isUnfinished(_ name: String) -> Bool {
        Environment.isUnfinished(name, of: "log")
    }

    /// Makes the log of a new store; `store` must exist and hold none.
    ///
    /// - Parameter durability: `.none` only where nothing is kept: a simulation, a scratch fold.
    package static func create(
        store: String, durability: EnvironmentOptions.Durability = .full
    ) throws(EventLogError) {
        try create(at: folder(of: store), durability)
    }

    static func create(
        at path: String, _ durability: EnvironmentOptions.Durability
    ) throws(EventLogError) {
        do throws(LMDBError) {
            try Environment.create(path, options(.write, durability)) {
                transaction throws(LMDBError) in
                let schema = try LogSchema(creating: transaction)
                try schema.putFormat(transaction)
            }
        } catch {
            throw EventLogError(error)
        }
    }

    /// Opens the log of a store.
    ///
    /// - Parameters:
    ///   - mapSize: bytes to reserve; grown when that is not enough.
    ///   - isKept: false where its files need no names any more once it is open.
    /// - Throws: `.noStore`, `.notAStore`, `.newer`, `.older`, `.corrupt`.
    package static func open(
        store: String, _ mode: Mode, durability: EnvironmentOptions.Durability = .full,
        mapSize: Int = EnvironmentOptions().mapSize, isKept: Bool = true
    ) throws(EventLogError) -> EventLog {
        try open(at: folder(of: store), of: store, mode, durability, mapSize, isKept: isKept)
    }

    static func open(
        at path: String, of store: String, _ mode: Mode,
        _ durability: EnvironmentOptions.Durability, _ mapSize: Int, isKept: Bool
    ) throws(EventLogError) -> EventLog {
        do {
            var options = options(mode, durability)
            options.mapSize = mapSize
            let environment = try Environment.open(path, options)
            // Whoever made it may have died, or failed, before its name was on the disk: what is
            // committed into it would be lost with the name.
            if mode == .write, durability == .full { try FileSystem.sync(folder: store) }
            let transaction = try environment.beginRead()
            // The format comes first: a later one may have other databases.
            let format = try LogSchema.format(transaction)
            guard format <= LogSchema.format else {
                throw EventLogError.newer(path: store, found: "store format \(format)")
            }
            guard format >= LogSchema.oldestFormat else {
                throw EventLogError.older(path: store, found: "store format \(format)")
            }
            var schema = try LogSchema(opening: transaction)
            // Handles that a reader opened outlive it only if it is ended like this.
            try transaction.keepDatabases()
            if mode == .write, format < LogSchema.format || schema.dictionaries == nil {
                // Before the first event that an older program would misread.
                let transaction = try environment.beginWrite()
                schema = try LogSchema(creating: transaction)
                try schema.putFormat(transaction)
                try transaction.commit()
            }
            return EventLog(
                path: path, environment: environment, schema: schema, isKept: isKept)
        } catch let error as EventLogError {
            throw error
        } catch let error as LMDBError {
            throw opening(error, store)
        } catch {
            throw .notAStore(path: store, reason: "\(error)")
        }
    }

    private static func options(
        _ mode: Mode, _ durability: EnvironmentOptions.Durability
    ) -> EnvironmentOptions {
        EnvironmentOptions(readOnly: mode == .read, durability: durability)
    }

    private static func opening(_ error: LMDBError, _ store: String) -> EventLogError {
        switch error.code {
        case .notFound where error.operation == "open": .noStore(path: store)
        case .notFound, .notAnEnvironment:
            .notAStore(path: store, reason: "its log is not in ossync's format")
        case .versionMismatch: .notAStore(path: store, reason: "another version of LMDB's format")
        case .truncated: .corrupt(path: store, position: nil, reason: error.detail)
        default: EventLogError(error)
        }
    }

    /// Finishes what a writer that died in its commit has left: only a write transaction notices,
    /// and while somebody reads the store, a reader may not see that commit until then.
    package func settle() throws(EventLogError) {
        do throws(LMDBError) {
            _ = try environment.beginWrite()
        } catch {
            throw EventLogError(error)
        }
    }

    /// Begins a write: what a step of the engine, or several, append.
    ///
    /// - Parameters:
    ///   - tail: the last position that the writer knows of; another one is refused.
    ///   - coder: one of `dictionaries` that is kept saves the making of its contexts with each
    ///     write.
    package func beginWrite(
        after tail: Position, coder: EventCoder? = nil
    ) throws(EventLogError) -> LogWriter {
        try LogWriter.begin(self, after: tail, coder ?? EventCoder(dictionaries))
    }

    /// Bytes of the log's file that are in use.
    package func usedBytes() throws(EventLogError) -> UInt64 {
        do throws(LMDBError) {
            return try environment.info().usedBytes
        } catch {
            throw EventLogError(error)
        }
    }

    /// Frees what readers hold whose process is gone, and finds the one that lags the most.
    ///
    /// - Returns: nil while nobody reads.
    package func checkReaders() throws(EventLogError) -> ReaderLag? {
        do throws(LMDBError) {
            try environment.checkReaders()
            let last = try environment.info().lastTransaction
            return try environment.readers().map { reader in
                ReaderLag(
                    pid: reader.processID,
                    commits: last > reader.transaction ? last - reader.transaction : 0)
            }.max { $0.commits < $1.commits }
        } catch {
            throw EventLogError(error)
        }
    }

    /// Takes a snapshot to read.
    package func snapshot() throws(EventLogError) -> LogSnapshot {
        do throws(LMDBError) {
            return LogSnapshot(log: self, transaction: try environment.beginRead())
        } catch {
            throw EventLogError(error)
        }
    }

    /// Doubles the room that the log may take; nothing of it may be open in this process.
    package func growMap() throws(EventLogError) {
        do throws(LMDBError) {
            try environment.growMap()
        } catch {
            throw EventLogError(error)
        }
    }

    /// Writes, and does it again in more room where there was too little: nothing was written then.
    func growing(_ write: () throws(EventLogError) -> Void) throws(EventLogError) {
        while true {
            do throws(EventLogError) {
                return try write()
            } catch {
                guard error.isMapFull else { throw error }
            }
            try growMap()
        }
    }

    func corrupt(_ position: Position?, _ reason: String) -> EventLogError {
        .corrupt(path: path, position: position, reason: reason)
    }
}

/// A process that holds a snapshot, and how many commits have been made since it took it: none of
/// the pages that they replaced can be used again.
package struct ReaderLag: Sendable, Equatable {
    package let pid: Int32
    package let commits: UInt64
}
