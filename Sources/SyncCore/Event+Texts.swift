extension Event {
    /// The event without what it says to people: a decision that is worded otherwise is the same.
    package var withoutTexts: Event {
        switch self {
        case .runStopping(let event):
            .runStopping(
                RunStopping(
                    reason: event.reason, text: "", resumeAt: event.resumeAt, due: event.due))
        case .runCompleted(let event):
            .runCompleted(
                RunCompleted(
                    outcome: event.outcome, reason: event.reason, text: "",
                    resumeAt: event.resumeAt, counters: event.counters,
                    durationNs: event.durationNs, floorNs: event.floorNs))
        case .passCompleted(let event):
            .passCompleted(
                PassCompleted(
                    number: event.number, distinct: event.distinct, total: event.total,
                    drift: event.drift.map { _ in "" }, highWaterMark: event.highWaterMark))
        case .recordParked(let event):
            .recordParked(
                RecordParked(
                    record: event.record, intent: event.intent, attempts: event.attempts,
                    error: event.error.withoutText))
        case .detailsRequeued(let event):
            .detailsRequeued(
                DetailsRequeued(
                    intent: event.intent, kind: event.kind, parts: event.parts, due: event.due,
                    error: event.error?.withoutText))
        case .alertRaised(let event):
            .alertRaised(
                AlertRaised(
                    rule: event.rule, reminder: event.reminder, channels: event.channels, text: ""))
        case .alertRecovered(let event):
            .alertRecovered(
                AlertRecovered(
                    rule: event.rule, raised: event.raised, channels: event.channels, text: ""))
        default: self
        }
    }
}

extension RecordError {
    fileprivate var withoutText: RecordError { RecordError(code: code, text: "") }
}

extension LoggedEvent {
    /// The same event at the same place, without what it says to people.
    package var withoutTexts: LoggedEvent {
        LoggedEvent(
            position: position, time: time, stream: stream, run: run, cause: cause,
            startsStep: startsStep, event: event.withoutTexts)
    }
}
