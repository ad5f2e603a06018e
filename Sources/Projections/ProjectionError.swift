package import EventLog
package import LMDB
package import SyncCore

/// What went wrong with a projection. Deleting `projections/` is always safe: it is rebuilt.
package enum ProjectionError: Error, Sendable, CustomStringConvertible {
    case log(EventLogError)
    case storage(LMDBError)
    /// An event can't be folded: which one, and what of it.
    case fold(projection: String, position: Position, reason: String)
    /// An event names a record that has no row: the rows aren't those of the events before it.
    case noRow(projection: String, position: Position, ordinal: Ordinal)
    /// The projection's own data can't be read.
    case damaged(projection: String, reason: String)
    /// There is none that can be read: another process is making it.
    case unfinished(projection: String)
    case system(operation: String, path: String, reason: String)

    /// What stopped the fold, whatever it came from.
    init(_ error: any Error, _ projection: String) {
        switch error {
        case let error as ProjectionError: self = error
        case let error as LMDBError: self = .storage(error)
        case let error as EventLogError: self = .log(error)
        default: self = .damaged(projection: projection, reason: "\(error)")
        }
    }

    /// Whether the projection's own data is at fault, so that a rebuild mends it.
    var isDamage: Bool {
        switch self {
        case .damaged, .noRow: true
        case .storage(let error):
            error.isDamage || error.code == .versionMismatch || error.code == .notFound
        case .log, .fold, .unfinished, .system: false
        }
    }

    package var description: String {
        switch self {
        case .log(let error): error.description
        case .storage(let error): error.description
        case .fold(let projection, let position, let reason):
            "projection \(projection) stopped at position \(position.rawValue): \(reason)"
        case .noRow(let projection, let position, let ordinal):
            "projection \(projection) stopped at position \(position.rawValue): it names record "
                + "#\(ordinal.rawValue), which has no row; run `ossync log verify`"
        case .damaged(let projection, let reason):
            "projection \(projection) is damaged (\(reason)); run `ossync projections rebuild "
                + "\(projection)`"
        case .unfinished(let projection):
            "projection \(projection) is not made yet: another process is at it; try again"
        case .system(let operation, let path, let reason): "\(path): \(operation): \(reason)"
        }
    }
}
