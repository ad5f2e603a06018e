import SyncCore

/// Says in a sentence what an event is about: for the combined log and `log show`.
enum EventNarrator {
    static func text(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .storeBound(let event): "bound to \(event.apiIdentity)"
        case .streamDeclared(let event): "stream \(event.name) is number \(event.stream.rawValue)"
        case .clockAnchored(let event):
            event.isRestored
                ? "restored from a backup"
                : event.isEngineStart ? "an engine starts" : "the clock was set"
        case .storageMeasured(let event):
            "\(event.freeBytes) bytes free: at most \(event.inFlightAllowed) requests in flight"
        case .runRequested, .runStarted, .runResumed, .runStopping, .runCompleted,
            .runInterrupted, .cancelRequested:
            run(logged)
        case .requestIntended, .rateLimited, .requestFailed, .requestAbandoned, .backoffApplied,
            .healthRequested, .healthChecked:
            request(logged)
        case .limitLearned(let event): lesson(event)
        case .limitsForgotten(let event): forgotten(event)
        case .redacted, .logCompacted, .dictionaryTrained: upkeep(logged)
        case .passOpened, .passAbandoned, .pageFetched, .passCompleted: list(logged)
        case .detailsFetched, .detailsRequeued, .recordParked, .queueRetried, .queueDropped:
            queue(logged)
        case .alertsEvaluated, .alertRaised, .alertRecovered, .alertDelivered: alert(logged)
        }
    }

    private static func alert(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .alertsEvaluated(let event):
            "alerts evaluated" + (event.expenses.map { ", expenses \($0)" } ?? "")
        case .alertRaised(let event):
            "alert \(event.rule.name)\(event.reminder > 0 ? " still stands" : ""): \(event.text)"
        case .alertRecovered(let event): "alert \(event.rule.name) is over: \(event.text)"
        case .alertDelivered(let event):
            event.isDelivered
                ? "\(event.channel) was told of alert \(event.notice.rawValue)"
                : "\(event.channel) could not be told of alert \(event.notice.rawValue): "
                    + event.text
        default: ""
        }
    }

    private static func by(_ requester: Requester) -> String {
        " by \(requester.user)@\(requester.host), pid \(requester.pid)"
    }

    private static func run(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .runRequested(let event):
            "\(event.mode.name) asked for\(by(event.requester))"
                + (event.schedule.map { ", schedule \($0)" } ?? "")
        case .runStarted(let event): "\(event.mode.name) run starts"
        case .runResumed(let event):
            "run r\(event.run.rawValue) (\(event.mode.name)) goes on"
        case .runStopping(let event): "stopping: \(event.text)"
        case .runCompleted(let event):
            "\(event.outcome.name)\(event.reason.map { " (\($0.name))" } ?? ""): "
                + "\(event.counters.requests) requests, \(event.counters.new) new, "
                + "\(event.counters.changed) changed, \(event.counters.detailed) detailed, "
                + "\(event.counters.failed) failed, \(event.counters.rateLimited) x 429"
        case .runInterrupted(let event):
            "the engine of r\(event.invocation.rawValue) is gone: interrupted"
        case .cancelRequested(let event):
            "asked to stop" + (event.requester.map(by) ?? " by \(event.signal.name)")
        default: ""
        }
    }

    private static func request(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .requestIntended(let event):
            switch event.target {
            case .list(let cursor, let filter):
                "list, \(cursor?.display ?? "first page")\(text(filter))"
            case .detail(let asked):
                "details of \(asked.map(\.id.text).joined(separator: ","))"
            case .health: "health"
            }
        case .rateLimited(let event):
            "refused with \(event.exchange.status)"
                + (event.waitMs.map { ": wait \($0) ms (\(event.signal))" } ?? ", no wait named")
        case .requestFailed(let event):
            "request \(event.intent.rawValue) failed: \(event.answer.text)"
        case .requestAbandoned(let event): "request \(event.intent.rawValue) has no outcome"
        case .backoffApplied(let event): "no request until \(event.until.rfc3339())"
        case .healthRequested(let event):
            "check of the API's health asked for\(by(event.requester))"
        case .healthChecked(let event):
            "the API answers: \(event.exchange.status) in \(event.exchange.latencyUs / 1_000) ms"
        default: ""
        }
    }

    private static func lesson(_ event: LimitLearned) -> String {
        switch event.kind {
        case .refused:
            "the \(event.window) window admits \(event.requests): one more was refused"
        case .admitted:
            "the \(event.window) window admits \(event.requests): one more was answered"
        case .suspected:
            "the \(event.window) window refused after \(event.requests): not believed yet"
        }
    }

    private static func name(_ records: [RequestIntended.Asked]) -> String {
        records.count == 1 ? records[0].id.text : "\(records.count) records"
    }

    private static func upkeep(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .redacted(let event):
            "\(name(event.records)) redacted in \(event.positions.count) events: \(event.reason)"
        case .logCompacted(let event):
            "events up to \(event.last.rawValue) moved to archive \(event.archive)"
        case .dictionaryTrained(let event):
            "dictionary \(event.number) for \(event.type.name): \(event.bytes.count) bytes"
        default: ""
        }
    }

    private static func forgotten(_ event: LimitsForgotten) -> String {
        let learned =
            event.windows.isEmpty
            ? "nothing is believed of limits"
            : "learned limits are dropped: \(event.windows.joined(separator: ", "))"
        return event.endsWait ? "\(learned); the wait of the last refusal is over" : learned
    }

    private static func text(_ filter: ListFilter) -> String {
        if case .idAfter(let mark) = filter { ", ids above \(mark.text)" } else { "" }
    }

    private static func list(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .passOpened(let event):
            "list pass \(event.number), generation \(event.generation)\(text(event.filter))"
        case .passAbandoned(let event): "list pass \(event.number) is given up"
        case .pageFetched(let event):
            "page of \(event.rows): \(event.entries.count { $0.isNew }) new, "
                + "\(event.entries.count { !$0.isNew }) changed, \(event.unchangedCount) unchanged"
                + (event.total.map { ", total \($0)" } ?? "")
        case .passCompleted(let event):
            "list pass \(event.number) is complete: \(event.distinct) records"
                + (event.drift.map { "; \($0)" } ?? "")
        default: ""
        }
    }

    private static func queue(_ logged: LoggedEvent) -> String {
        switch logged.event {
        case .detailsFetched(let event):
            "details of \(event.results.count { $0.outcome.isFound }) of \(event.results.count)"
        case .detailsRequeued(let event):
            "\(event.parts.joined().count) back to the queue (\(event.kind))"
                + (event.due > logged.time ? ", not before \(event.due.rfc3339())" : "")
                + (event.error.map { ": \($0.text)" } ?? "")
        case .recordParked(let event):
            "record \(event.record.id.text) given up"
                + (event.attempts > 0 ? " after \(event.attempts) attempts: " : ": ")
                + event.error.text
        case .queueRetried(let event):
            "asked to try again: \(event.records.map(\.id.text).joined(separator: ","))"
                + by(event.requester)
        case .queueDropped(let event):
            "dropped: \(event.records.map(\.id.text).joined(separator: ","))"
                + by(event.requester)
        default: ""
        }
    }
}
