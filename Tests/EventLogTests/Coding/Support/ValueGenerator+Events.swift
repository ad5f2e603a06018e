import SyncCore

extension ValueGenerator {
    /// An event of a type, in a random place.
    mutating func loggedEvent(_ type: EventType) -> LoggedEvent {
        LoggedEvent(
            position: position(), time: time(), stream: stream(), run: position(),
            cause: position(), startsStep: bool(), event: event(type))
    }

    mutating func event(_ type: EventType) -> Event {
        switch type {
        case .storeBound: .storeBound(StoreBound(apiIdentity: text()))
        case .streamDeclared: .streamDeclared(StreamDeclared(stream: stream(), name: text()))
        case .clockAnchored: .clockAnchored(clockAnchored())
        case .runRequested: .runRequested(runRequested())
        case .runStarted: .runStarted(RunStarted(mode: choice()))
        case .runResumed: .runResumed(RunResumed(run: position(), mode: choice()))
        case .passOpened: .passOpened(passOpened())
        case .passAbandoned: .passAbandoned(PassAbandoned(number: unsigned()))
        case .requestIntended: .requestIntended(requestIntended())
        case .pageFetched: .pageFetched(pageFetched())
        case .detailsFetched: .detailsFetched(detailsFetched())
        case .healthChecked:
            .healthChecked(HealthChecked(intent: position(), exchange: exchange()))
        case .healthRequested: .healthRequested(HealthRequested(requester: requester()))
        case .rateLimited: .rateLimited(rateLimited())
        case .requestFailed: .requestFailed(requestFailed())
        case .requestAbandoned:
            .requestAbandoned(
                RequestAbandoned(intent: position(), ordinals: list { $0.ordinal() }))
        case .backoffApplied: .backoffApplied(backoffApplied())
        case .detailsRequeued: .detailsRequeued(detailsRequeued())
        case .recordParked: .recordParked(recordParked())
        case .passCompleted: .passCompleted(passCompleted())
        case .cancelRequested:
            .cancelRequested(
                CancelRequested(signal: choice(), requester: later { $0.requester() }))
        case .storageMeasured:
            .storageMeasured(
                StorageMeasured(freeBytes: unsigned(), inFlightAllowed: unsigned()))
        case .queueRetried:
            .queueRetried(
                QueueRetried(records: list { $0.queuedRecord() }, requester: requester()))
        case .queueDropped:
            .queueDropped(
                QueueDropped(records: list { $0.queuedRecord() }, requester: requester()))
        case .runStopping: .runStopping(runStopping())
        case .runCompleted: .runCompleted(runCompleted())
        case .runInterrupted: .runInterrupted(RunInterrupted(invocation: position()))
        case .limitLearned: .limitLearned(limitLearned())
        case .limitsForgotten:
            .limitsForgotten(LimitsForgotten(windows: list { $0.text() }, endsWait: bool()))
        case .redacted:
            .redacted(
                Redacted(
                    records: list { RequestIntended.Asked(ordinal: $0.ordinal(), id: $0.id()) },
                    positions: list { $0.position() }, reason: text(), requester: requester()))
        case .logCompacted:
            .logCompacted(
                LogCompacted(
                    last: position(), head: list { $0.unsigned() },
                    archive: text(), requester: requester()))
        case .dictionaryTrained:
            .dictionaryTrained(
                DictionaryTrained(
                    number: unsigned(), type: .detailsFetched,
                    bytes: list { $0.unsigned() }))
        case .alertsEvaluated:
            .alertsEvaluated(
                AlertsEvaluated(
                    rules: alertRules(), expenses: optional { $0.text() },
                    movedPpm: optional { $0.unsigned() }))
        case .alertRaised:
            .alertRaised(
                AlertRaised(
                    rule: choice(), reminder: unsigned(), channels: list { $0.text() },
                    text: text()))
        case .alertRecovered:
            .alertRecovered(
                AlertRecovered(
                    rule: choice(), raised: position(), channels: list { $0.text() },
                    text: text()))
        case .alertDelivered:
            .alertDelivered(
                AlertDelivered(
                    notice: position(), channel: text(), isDelivered: bool(),
                    attempts: unsigned(), text: text()))
        }
    }

    mutating func alertRules() -> AlertRules {
        var rules = AlertRules()
        rules.failed = bool()
        rules.partial = bool()
        rules.parkedMs = optional { $0.signed() }
        rules.noSuccessMs = optional { $0.signed() }
        rules.rateLimitedPpm = optional { $0.unsigned() }
        rules.expensesMovedPpm = optional { $0.unsigned() }
        rules.remindMs = optional { $0.signed() }
        rules.channels = list {
            AlertRules.Channel(
                name: $0.text(), rules: $0.list { $0.choice() }, tellsRecovery: $0.bool())
        }
        return rules
    }

    mutating func clockAnchored() -> ClockAnchored {
        ClockAnchored(
            bootID: text(), bootNs: signed(), wall: time(), isEngineStart: bool(),
            isRestored: bool())
    }

    mutating func runRequested() -> RunRequested {
        RunRequested(
            mode: choice(), options: options(), policy: policy(), seed: next(),
            deciderVersion: unsigned(), requester: requester(), schedule: later { $0.text() })
    }

    mutating func passOpened() -> PassOpened {
        PassOpened(
            number: unsigned(), generation: unsigned(), mode: choice(), filter: filter(),
            pinned: list { $0.pinnedKey() })
    }

    mutating func target() -> RequestIntended.Target {
        switch below(3) {
        case 0: .list(cursor: optional { $0.cursor() }, filter: filter())
        case 1:
            .detail(list { RequestIntended.Asked(ordinal: $0.ordinal(), id: $0.id()) })
        default: .health
        }
    }

    mutating func requestIntended() -> RequestIntended {
        RequestIntended(
            target: target(),
            charges: list {
                RequestIntended.Charge(budget: $0.unsigned(), weight: $0.unsigned())
            }, isAlone: bool(), due: optional { $0.time() })
    }

    mutating func limitLearned() -> LimitLearned {
        LimitLearned(
            kind: choice(), window: text(), periodNs: signed(), requests: unsigned(),
            ceiling: unsigned(), confirmations: unsigned())
    }

    mutating func entry() -> PageFetched.Entry {
        PageFetched.Entry(
            ordinal: ordinal(), id: id(), was: choice(), fingerprint: fingerprint(), body: body())
    }

    mutating func ordinalRun() -> OrdinalRun {
        let first: UInt32 = unsigned()
        return OrdinalRun(
            first: Ordinal(first), count: min(unsigned(UInt32.self), UInt32.max - first))
    }

    mutating func pageFetched() -> PageFetched {
        let entryCount = bool() ? 60 : 3
        return PageFetched(
            intent: position(), exchange: exchange(), pass: unsigned(), generation: unsigned(),
            next: optional { $0.cursor() }, total: optional { $0.unsigned() }, rows: unsigned(),
            taken: unsigned(), partlyTaken: bool(), firstSeen: unsigned(), digest: next(),
            idOrder: optional { $0.choice() }, highest: optional { $0.id() },
            entries: list(atMost: entryCount) { $0.entry() },
            unchanged: list { $0.ordinalRun() })
    }

    mutating func detailsFetched() -> DetailsFetched {
        DetailsFetched(
            intent: position(), exchange: exchange(),
            results: list(atMost: 6) {
                DetailsFetched.Result(
                    ordinal: $0.ordinal(), id: $0.id(), was: $0.choice(),
                    outcome: $0.detailOutcome())
            })
    }

    mutating func detailOutcome() -> DetailsFetched.Outcome {
        switch below(4) {
        case 0: .same
        case 1: .absent
        case 2: .failed(recordError())
        default: .changed(fingerprint: fingerprint(), body: body())
        }
    }

    mutating func rateLimited() -> RateLimited {
        RateLimited(
            intent: position(), exchange: exchange(), waitMs: optional { $0.signed() },
            signal: text())
    }

    mutating func requestFailed() -> RequestFailed {
        RequestFailed(
            intent: position(), exchange: exchange(),
            answer: FailureAnswer(
                choice(), code: text(), text: text(), waitMs: optional { $0.signed() },
                arrivalUnknown: bool()))
    }

    mutating func backoffApplied() -> BackoffApplied {
        BackoffApplied(kind: choice(), until: time(), waitMs: signed(), step: unsigned())
    }

    mutating func detailsRequeued() -> DetailsRequeued {
        DetailsRequeued(
            intent: position(), kind: choice(), parts: list { $0.list { $0.queuedRecord() } },
            due: time(), error: optional { $0.recordError() })
    }

    mutating func recordParked() -> RecordParked {
        RecordParked(
            record: queuedRecord(), intent: position(), attempts: unsigned(),
            error: recordError())
    }

    mutating func passCompleted() -> PassCompleted {
        PassCompleted(
            number: unsigned(), distinct: unsigned(), total: optional { $0.unsigned() },
            drift: optional { $0.text() }, highWaterMark: optional { $0.id() })
    }

    mutating func runStopping() -> RunStopping {
        RunStopping(
            reason: choice(), text: text(), resumeAt: optional { $0.time() },
            due: optional { $0.time() })
    }

    mutating func runCompleted() -> RunCompleted {
        RunCompleted(
            outcome: choice(), reason: optional { $0.choice() }, text: text(),
            resumeAt: optional { $0.time() }, counters: counters(), durationNs: signed(),
            floorNs: signed())
    }
}
