internal import EventLog
internal import SyncCore

/// A record, or an event, whose texts somebody wants out of the log.
struct RedactionWish {
    enum Target {
        case record(RequestIntended.Asked)
        case event(Position)
    }

    let target: Target
    /// What the log had of them, over all attempts.
    var bytes = RedactedBytes()
    /// An attempt has failed.
    var isRepeated = false

    init(_ target: Target) { self.target = target }

    /// Where they are in the log, as it is now.
    func texts(_ log: EventLog) throws -> TextPlaces? {
        switch target {
        case .record(let record):
            try log.snapshot().texts(of: record, in: VirtualMachine.stream) { _ in }
        case .event(let position): try log.snapshot().texts(at: position)
        }
    }
}
