internal import SyncCore

/// Takes out of a slice what no decision depends on, and what may be somebody's: texts of records,
/// words of errors, headers, names of people and machines, addresses.
///
/// Of texts that are only compared, equal ones stay equal. Identities of records stay: the order of
/// the queue follows from them.
final class Redaction {
    private var names: [String: String] = [:]

    private func name(_ text: String) -> String {
        if let known = names[text] { return known }
        let name = "redacted-\(names.count + 1)"
        names[text] = name
        return name
    }

    private func pinned(_ keys: [PinnedKey]) -> [PinnedKey] {
        keys.map { PinnedKey(key: $0.key, value: name($0.value)) }
    }

    private func policy(_ policy: Policy) -> Policy {
        var policy = policy
        policy.pinned = pinned(policy.pinned)
        return policy
    }

    /// The name of a boot is that of the machine that is up.
    private func anchor(_ anchor: ClockAnchored) -> ClockAnchored {
        ClockAnchored(
            bootID: name(anchor.bootID), bootNs: anchor.bootNs, wall: anchor.wall,
            isEngineStart: anchor.isEngineStart, isRestored: anchor.isRestored)
    }

    private static let nobody = Requester(pid: 0, host: "redacted", user: "redacted")

    private static func exchange(_ exchange: Exchange) -> Exchange {
        Exchange(
            status: exchange.status, latencyUs: exchange.latencyUs, bodyBytes: exchange.bodyBytes)
    }

    // MARK: Events

    func redacted(_ logged: LoggedEvent) -> LoggedEvent {
        LoggedEvent(
            position: logged.position, time: logged.time, stream: logged.stream, run: logged.run,
            cause: logged.cause, startsStep: logged.startsStep,
            event: event(logged.event.withoutTexts))
    }

    private func event(_ event: Event) -> Event {
        switch event {
        case .storeBound(let bound):
            .storeBound(StoreBound(apiIdentity: name(bound.apiIdentity)))
        case .clockAnchored(let anchor): .clockAnchored(self.anchor(anchor))
        case .runRequested(let request):
            .runRequested(
                RunRequested(
                    mode: request.mode, options: request.options, policy: policy(request.policy),
                    seed: request.seed, deciderVersion: request.deciderVersion,
                    requester: Self.nobody, schedule: request.schedule.map(name)))
        case .cancelRequested(let cancel):
            .cancelRequested(
                CancelRequested(
                    signal: cancel.signal, requester: cancel.requester.map { _ in Self.nobody }))
        case .healthRequested: .healthRequested(HealthRequested(requester: Self.nobody))
        case .passOpened(let pass):
            .passOpened(
                PassOpened(
                    number: pass.number, generation: pass.generation, mode: pass.mode,
                    filter: pass.filter, pinned: pinned(pass.pinned)))
        case .queueRetried(let retried):
            .queueRetried(QueueRetried(records: retried.records, requester: Self.nobody))
        case .queueDropped(let dropped):
            .queueDropped(QueueDropped(records: dropped.records, requester: Self.nobody))
        case .redacted(let redacted):
            .redacted(
                Redacted(
                    records: redacted.records, positions: redacted.positions, reason: "",
                    requester: Self.nobody))
        case .logCompacted(let compacted):
            .logCompacted(
                LogCompacted(
                    last: compacted.last, head: compacted.head, archive: "",
                    requester: Self.nobody))
        // It is made of what records have in common.
        case .dictionaryTrained(let trained):
            .dictionaryTrained(
                DictionaryTrained(number: trained.number, type: trained.type, bytes: []))
        case .alertsEvaluated, .alertRaised, .alertRecovered, .alertDelivered: alert(event)
        default: Self.answer(event)
        }
    }

    /// Channels are of somebody's choice, and a total is his business.
    private func alert(_ event: Event) -> Event {
        switch event {
        case .alertsEvaluated(let evaluated):
            var rules = evaluated.rules
            rules.channels = rules.channels.map { channel in
                AlertRules.Channel(
                    name: name(channel.name), rules: channel.rules,
                    tellsRecovery: channel.tellsRecovery)
            }
            return .alertsEvaluated(
                AlertsEvaluated(
                    rules: rules, expenses: evaluated.expenses.map(name),
                    movedPpm: evaluated.movedPpm))
        case .alertRaised(let raised):
            return .alertRaised(
                AlertRaised(
                    rule: raised.rule, reminder: raised.reminder,
                    channels: raised.channels.map(name), text: raised.text))
        case .alertRecovered(let recovered):
            return .alertRecovered(
                AlertRecovered(
                    rule: recovered.rule, raised: recovered.raised,
                    channels: recovered.channels.map(name), text: recovered.text))
        case .alertDelivered(let delivered):
            return .alertDelivered(
                AlertDelivered(
                    notice: delivered.notice, channel: name(delivered.channel),
                    isDelivered: delivered.isDelivered, attempts: delivered.attempts, text: ""))
        default: return event
        }
    }

    private static func answer(_ event: Event) -> Event {
        switch event {
        case .pageFetched(let page): .pageFetched(self.page(page))
        case .detailsFetched(let details):
            .detailsFetched(
                DetailsFetched(
                    intent: details.intent, exchange: exchange(details.exchange),
                    results: details.results.map(result)))
        case .healthChecked(let checked):
            .healthChecked(
                HealthChecked(intent: checked.intent, exchange: exchange(checked.exchange)))
        case .rateLimited(let limited):
            .rateLimited(
                RateLimited(
                    intent: limited.intent, exchange: exchange(limited.exchange),
                    waitMs: limited.waitMs, signal: limited.signal))
        case .requestFailed(let failed):
            .requestFailed(
                RequestFailed(
                    intent: failed.intent, exchange: exchange(failed.exchange),
                    answer: FailureAnswer(
                        failed.answer.failure, code: failed.answer.code, text: "",
                        waitMs: failed.answer.waitMs,
                        arrivalUnknown: failed.answer.arrivalUnknown)))
        default: event
        }
    }

    private static func page(_ page: PageFetched) -> PageFetched {
        PageFetched(
            intent: page.intent, exchange: exchange(page.exchange), pass: page.pass,
            generation: page.generation, next: page.next, total: page.total, rows: page.rows,
            taken: page.taken, partlyTaken: page.partlyTaken, firstSeen: page.firstSeen,
            digest: page.digest, idOrder: page.idOrder, highest: page.highest,
            entries: page.entries.map { entry in
                PageFetched.Entry(
                    ordinal: entry.ordinal, id: entry.id, was: entry.was,
                    fingerprint: entry.fingerprint, body: [])
            }, unchanged: page.unchanged)
    }

    private static func result(_ result: DetailsFetched.Result) -> DetailsFetched.Result {
        let outcome: DetailsFetched.Outcome =
            switch result.outcome {
            case .changed(let fingerprint, _): .changed(fingerprint: fingerprint, body: [])
            case .failed(let error): .failed(RecordError(code: error.code, text: ""))
            case .same, .absent: result.outcome
            }
        return DetailsFetched.Result(
            ordinal: result.ordinal, id: result.id, was: result.was, outcome: outcome)
    }

    // MARK: State

    func redacted(_ control: ControlState) -> ControlState {
        var control = control
        control.apiIdentity = control.apiIdentity.map(name)
        control.clock = control.clock.map(anchor)
        control.streams = control.streams.map(stream)
        guard var invocation = control.invocation else { return control }
        invocation.policy = policy(invocation.policy)
        invocation.drift = invocation.drift.map { _ in "" }
        invocation.stopping = invocation.stopping.map { stopping in
            RunStopping(
                reason: stopping.reason, text: "", resumeAt: stopping.resumeAt, due: stopping.due)
        }
        control.invocation = invocation
        return control
    }

    private func stream(_ stream: StreamState) -> StreamState {
        var stream = stream
        stream.highWaterPinned = pinned(stream.highWaterPinned)
        stream.lastError = stream.lastError.map { _ in "" }
        if stream.unfinished?.drift != nil { stream.unfinished?.drift = "" }
        if let pass = stream.pass { stream.pass?.pinned = pinned(pass.pinned) }
        stream.alerts = stream.alerts.map(alerts)
        return stream
    }

    private func alerts(_ alerts: AlertState) -> AlertState {
        var alerts = alerts
        alerts.verdict = alerts.verdict.map {
            RunVerdict(end: $0.end, run: $0.run, outcome: $0.outcome, text: "")
        }
        alerts.expenses = alerts.expenses.map {
            ObservedTotal(end: $0.end, total: name($0.total))
        }
        for index in alerts.alerts.indices {
            alerts.alerts[index].text = ""
            alerts.alerts[index].pending = alerts.alerts[index].pending.map { pending in
                var other = PendingDelivery(channel: name(pending.channel))
                other.failures = pending.failures
                other.triedAt = pending.triedAt
                return other
            }
        }
        return alerts
    }

    func redacted(_ row: RecordRow) -> RecordRow {
        var row = row
        row.error = row.error.map { RecordError(code: $0.code, text: "") }
        return row
    }
}
