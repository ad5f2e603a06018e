internal import SyncCore

/// What an invocation was told and did, as the machine around it saw it.
struct Invocation {
    /// How it came to its end.
    enum End: Equatable {
        case finished(RunCompleted)
        case crashed
        /// A write failed: the process ended with an error.
        case broken
    }

    let mode: RunMode
    var options: RunOptions
    var policy: Policy
    /// The state that it found.
    let before: ControlState
    /// The true time at which it began.
    let startNs: Int64
    /// The machine's boot clock then.
    let startBootNs: Int64
    /// Arrivals at the server until then.
    let arrivalsBefore: Int
    /// Requests that it sent.
    var sent = 0
    /// Answers that it was given.
    var refusals = 0
    /// Signals that it was given.
    var signals: [StopReason] = []
    /// Its durable events.
    var events: [LoggedEvent] = []
    var after = ControlState()
    var endNs: Int64 = 0
    var endBootNs: Int64 = 0
    var end = End.crashed
}
