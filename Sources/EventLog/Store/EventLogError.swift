package import LMDB
package import SyncCore

/// What went wrong with the log: operation, place, and what to do about it.
package enum EventLogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no store here.
    case noStore(path: String)
    /// There is something here, but not a store.
    case notAStore(path: String, reason: String)
    /// Written by a later version of the program; nothing was touched.
    case newer(path: String, found: String)
    /// Written by a build before the first release; nothing was touched.
    case older(path: String, found: String)
    /// The store contradicts itself.
    case corrupt(path: String, position: Position?, reason: String)
    /// Events were moved to the archive, and no segment there holds them.
    case archiveMissing(path: String, first: Position, last: Position)
    /// The log has grown by another writer's hand.
    case foreignTail(path: String, expected: Position, found: Position)
    /// The log's path no longer leads to the file that is open: whoever opens the store next won't
    /// find what was committed.
    case displaced(path: String)
    /// An event is over a limit of the format; nothing was written.
    case tooLarge(path: String, reason: String)
    case storage(LMDBError)

    /// What an error of the environment is to the log: whatever LMDB says only of a file that isn't
    /// as it was written is damage.
    init(_ error: LMDBError) {
        self =
            error.isDamage
            ? .corrupt(
                path: error.path, position: nil,
                reason: "\(error.operation) failed: \(error.detail)")
            : .storage(error)
    }

    package var description: String {
        switch self {
        case .noStore(let path):
            "\(path): there is no store here; run `ossync sync` or `ossync init` to make one"
        case .notAStore(let path, let reason):
            "\(path): this is not an ossync store (\(reason)); choose another --store"
        case .newer(let path, let found):
            "\(path): the store was written by a later ossync (\(found)); nothing was touched, "
                + "install that version"
        case .older(let path, let found):
            "\(path): the store was written by an ossync before the first release (\(found)); "
                + "nothing was touched: `ossync sync` raises it to today's format and goes on, "
                + "`ossync log salvage NEW` makes a copy of that format"
        case .corrupt(let path, let position, let reason):
            if let position {
                "\(path): damaged at position \(position.rawValue): \(reason); restore a backup"
            } else {
                "\(path): damaged: \(reason); restore a backup"
            }
        case .archiveMissing(let path, let first, let last):
            "\(path): events \(first.rawValue) to \(last.rawValue) were moved there, and no "
                + "segment holds them; put it back, or do without what is before position "
                + "\(last.rawValue + 1)"
        case .foreignTail(let path, let expected, let found):
            "\(path): the log ends at position \(found.rawValue), not \(expected.rawValue): "
                + "another program wrote to it; stop it and run again"
        case .displaced(let path):
            "\(path)/data.mdb: replaced, moved or removed while it was written to; nothing more "
                + "was sent: put the newest copy back, or let the limits' windows pass, and run "
                + "again"
        case .tooLarge(let path, let reason):
            "\(path): an answer can't be stored: \(reason); lower the page size or api.maxBodyBytes"
        case .storage(let error): error.description
        }
    }

    /// Whether it says that something isn't as it was written.
    var isDamage: Bool {
        if case .corrupt = self { true } else { false }
    }

    /// Whether it says that events are in the archive, and that isn't at hand.
    package var isMissing: Bool {
        if case .archiveMissing = self { true } else { false }
    }

    /// Whether it says that a file couldn't be replaced, and is as it was.
    package var isRefusedReplacement: Bool {
        if case .storage(let error) = self { error.isRefusedReplacement } else { false }
    }

    /// Whether the map must grow before the write is tried again.
    package var isMapFull: Bool {
        if case .storage(let error) = self { error.code == .mapFull } else { false }
    }

    /// The documented name of why something could not be written, `diskFull` or `io`; nil for
    /// anything else.
    package var failedWrite: String? {
        guard case .storage(let error) = self else { return nil }
        return switch error.code {
        case .diskFull: "diskFull"
        case .io: "io"
        default: nil
        }
    }
}
