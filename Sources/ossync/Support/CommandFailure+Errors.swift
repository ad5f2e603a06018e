import EventLog
import Projections
import Records
import SyncCore
import SyncEngine

extension CommandFailure {
    /// The failure that an error of any layer is to the user: one clear line and the documented
    /// code.
    init(describing error: any Error) {
        switch error {
        case let error as CommandFailure: self = error
        case let error as BrokenRun:
            self.init(ExitCode.failure, error.result.completed.text)
        case let error as StoreRedaction.Failure: self = error.commandFailure
        case let error as StoreCompaction.Failure: self = error.commandFailure
        case let error as EngineError: self.init(error.exitCode, error.description)
        case let error as EventLogError:
            self.init(EngineError.log(error).exitCode, error.description)
        case let error as ProjectionError:
            let code =
                switch error {
                case .log(let cause): EngineError.log(cause).exitCode
                case .unfinished: ExitCode.locked
                case .storage, .fold, .noRow, .damaged, .system: ExitCode.failure
                }
            self.init(code, error.description)
        case let error as ConfigurationError: self.init(ExitCode.usage, error.description)
        case let error as RecordsError: self.init(ExitCode.usage, "\(error)")
        default: self.init(ExitCode.failure, "\(error)")
        }
    }

    /// Message and hint on one line.
    var line: String {
        ([message] + [hint].compactMap { $0 }).joined(separator: "; ").withoutControls
    }
}
