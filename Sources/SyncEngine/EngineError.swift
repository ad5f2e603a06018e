package import EventLog

/// Why an engine can't go on: what, where, and what to do.
package enum EngineError: Error, Sendable, CustomStringConvertible {
    case log(EventLogError)
    /// Another process holds the store.
    case locked(LockHolder)
    /// The store belongs to another API.
    case otherAPI(path: String, bound: String, wanted: String)
    /// The run may not begin; nothing was written.
    case refused(text: String, hint: String)
    case system(operation: String, path: String, reason: String)

    package var description: String {
        switch self {
        case .log(let error): error.description
        case .locked(let holder): holder.description
        case .otherAPI(let path, let bound, let wanted):
            "\(path): this store belongs to \(bound), but the configuration says \(wanted); "
                + "use another --store, or set api.id to keep one store for both"
        case .refused(let text, let hint): "\(text); \(hint)"
        case .system(let operation, let path, let reason): "\(path): \(operation): \(reason)"
        }
    }

    /// The documented exit code.
    package var exitCode: Int32 {
        switch self {
        case .log(.noStore): 10
        case .log(.notAStore), .log(.newer), .log(.older), .log(.corrupt), .log(.foreignTail),
            .log(.displaced):
            12
        case .log(.storage), .log(.tooLarge), .log(.archiveMissing): 1
        case .locked: 11
        case .otherAPI, .refused: 2
        case .system: 1
        }
    }
}

extension EngineError {
    /// Why a run failed whose write did, by the documented name; nil for any other error.
    ///
    /// It is no event: what can't be written can't be logged. The next engine finds the run
    /// interrupted, and goes on with it.
    package var failedWrite: String? {
        if case .log(let error) = self { error.failedWrite } else { nil }
    }
}
