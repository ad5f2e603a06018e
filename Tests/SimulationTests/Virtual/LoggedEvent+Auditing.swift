import SyncCore

extension LoggedEvent {
    /// An event of the first stream, as an auditor reads it.
    init(_ event: Event, at position: Position, nowNs: Int64 = 0, startsStep: Bool = true) {
        self.init(
            position: position, time: LogTime(nanoseconds: nowNs), stream: StreamID(1), run: .none,
            cause: .none, startsStep: startsStep, event: event)
    }
}
