package import EventLog
package import LMDB
package import SyncCore

/// What went wrong with a projection. Deleting `projections/` is always safe: it is rebuilt.
package enum ProjectionError: Error, Sendable, CustomStringConvertible {
    case log(EventLogError)
    case storage(LMDBError)
    /// An event can't be folded: which one, and what of it.
    case fold(projection: String, position: Position, reason: String)
    /// The projection's own data can't be read.
    case damaged(projection: String, reason: String)
    case system(operation: String, path: String, reason: String)

    /// Whether the projection's own data is at fault, so that a rebuild mends it.
    var isDamage: Bool {
        switch self {
        case .damaged: true
        case .storage(let error): error.code == .corrupted || error.code == .truncated
        case .log, .fold, .system: false
        }
    }

    package var description: String {
        switch self {
        case .log(let error): error.description
        case .storage(let error): error.description
        case .fold(let projection, let position, let reason):
            "projection \(projection) stopped at position \(position.rawValue): \(reason)"
        case .damaged(let projection, let reason):
            "projection \(projection) is damaged (\(reason)); run `ossync projections rebuild "
                + "\(projection)`"
        case .system(let operation, let path, let reason): "\(path): \(operation): \(reason)"
        }
    }
}
