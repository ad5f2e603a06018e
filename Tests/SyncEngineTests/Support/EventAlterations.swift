import SyncCore

/// A decision of which one field is another one.
struct Alteration {
    /// The field as `Mirror` names it.
    let field: String
    /// Where the event's JSON shows it.
    let pointer: String
    let event: Event

    init(_ field: String, _ pointer: String, _ event: Event) {
        self.field = field
        self.pointer = "/data/" + pointer
        self.event = event
    }

    init(_ field: String, _ event: Event) { self.init(field, field, event) }
}

extension Event {
    /// Each field of a decision altered by itself, in one way or several; none of a fact.
    var alterations: [Alteration] {
        switch self {
        case .runStarted(let event):
            [Alteration("mode", .runStarted(RunStarted(mode: event.mode.other)))]
        case .runResumed(let event): event.alterations
        case .passOpened(let event): event.alterations
        case .passAbandoned(let event):
            [Alteration("number", "pass", .passAbandoned(PassAbandoned(number: event.number + 1)))]
        case .passCompleted(let event): event.alterations
        case .requestIntended(let event): event.alterations
        case .requestAbandoned(let event): event.alterations
        case .backoffApplied(let event): event.alterations
        case .detailsRequeued(let event): event.alterations
        case .recordParked(let event): event.alterations
        case .runStopping(let event): event.alterations
        case .runCompleted(let event): event.alterations
        case .runInterrupted(let event):
            [
                Alteration(
                    "invocation",
                    .runInterrupted(RunInterrupted(invocation: event.invocation.next)))
            ]
        case .limitLearned(let event): event.alterations
        case .limitsForgotten(let event):
            [
                Alteration(
                    "windows",
                    .limitsForgotten(
                        LimitsForgotten(windows: event.windows + ["day"], endsWait: event.endsWait))
                ),
                Alteration(
                    "endsWait",
                    .limitsForgotten(
                        LimitsForgotten(windows: event.windows, endsWait: !event.endsWait))),
            ]
        case .alertRaised(let event): event.alterations
        case .alertRecovered(let event): event.alterations
        default: []
        }
    }

    /// The fields that a decision has.
    var fields: Set<String> {
        guard let payload = Mirror(reflecting: self).children.first?.value else { return [] }
        return Set(Mirror(reflecting: payload).children.compactMap(\.label))
    }
}

extension RunResumed {
    fileprivate var alterations: [Alteration] {
        [
            Alteration("run", "resumedRun", .runResumed(RunResumed(run: run.next, mode: mode))),
            Alteration("mode", .runResumed(RunResumed(run: run, mode: mode.other))),
        ]
    }
}

extension PassOpened {
    fileprivate var alterations: [Alteration] {
        func with(
            number: UInt32? = nil, generation: UInt32? = nil, mode: RunMode? = nil,
            filter: ListFilter? = nil, pinned: [PinnedKey]? = nil
        ) -> Event {
            .passOpened(
                PassOpened(
                    number: number ?? self.number, generation: generation ?? self.generation,
                    mode: mode ?? self.mode, filter: filter ?? self.filter,
                    pinned: pinned ?? self.pinned))
        }
        return [
            Alteration("number", "pass", with(number: number + 1)),
            Alteration("generation", with(generation: generation + 1)),
            Alteration("mode", with(mode: mode.other)),
            Alteration("filter", with(filter: filter.other)),
            Alteration("pinned", with(pinned: Array(pinned.dropLast()))),
        ]
    }
}

extension PassCompleted {
    fileprivate var alterations: [Alteration] {
        func with(
            number: UInt32? = nil, distinct: UInt64? = nil, total: UInt64?? = nil,
            drift: String?? = nil, mark: RecordID?? = nil
        ) -> Event {
            .passCompleted(
                PassCompleted(
                    number: number ?? self.number, distinct: distinct ?? self.distinct,
                    total: total ?? self.total, drift: drift ?? self.drift,
                    highWaterMark: mark ?? self.highWaterMark))
        }
        return [
            Alteration("number", "pass", with(number: number + 1)),
            Alteration("distinct", with(distinct: distinct + 1)),
            Alteration("total", with(total: .some(total.map { $0 + 1 } ?? 7))),
            Alteration("total", with(total: .some(total == nil ? 8 : nil))),
            Alteration("drift", with(drift: .some(drift == nil ? "rows moved" : nil))),
            Alteration(
                "highWaterMark", with(mark: .some(RecordID((highWaterMark?.text ?? "") + "1")))),
            Alteration(
                "highWaterMark", with(mark: .some(highWaterMark == nil ? RecordID("2") : nil))),
        ]
    }
}

extension RequestIntended {
    fileprivate var alterations: [Alteration] {
        func with(
            _ target: Target? = nil, charges: [Charge]? = nil, isAlone: Bool? = nil,
            due: LogTime?? = nil
        ) -> Event {
            .requestIntended(
                RequestIntended(
                    target: target ?? self.target, charges: charges ?? self.charges,
                    isAlone: isAlone ?? self.isAlone, due: due ?? self.due))
        }
        return targets.map { Alteration("target", $0.pointer, with($0.target)) } + [
            Alteration("charges", with(charges: [Charge(budget: 0, weight: 2)])),
            Alteration("charges", with(charges: [Charge(budget: 1, weight: 1)])),
            Alteration("charges", with(charges: [])),
            Alteration("isAlone", "alone", with(isAlone: !isAlone)),
            Alteration("due", with(due: .some((due ?? .zero).adding(ns: 1)))),
            Alteration("due", with(due: .some((due ?? LogTime(nanoseconds: 2)).adding(ns: -1)))),
        ] + (due == nil ? [] : [Alteration("due", with(due: .some(nil)))])
    }

    private var targets: [(pointer: String, target: Target)] {
        switch target {
        case .list(let cursor, let filter):
            let next = PageCursor(bytes: [57], display: "9")
            return [
                ("cursor", .list(cursor: cursor == nil ? next : nil, filter: filter)),
                ("cursor", .list(cursor: next, filter: filter)),
                ("filter", .list(cursor: cursor, filter: filter.other)), ("endpoint", .health),
            ]
        case .detail(let asked):
            var found: [(String, Target)] = [("endpoint", .health)]
            guard let first = asked.first else { return found }
            found.append(
                (
                    "records",
                    .detail(
                        [Asked(ordinal: first.ordinal, id: RecordID(first.id.text + "9"))]
                            + asked.dropFirst())
                ))
            found.append(
                (
                    "records",
                    .detail([Asked(ordinal: Ordinal(1_000), id: first.id)] + asked.dropFirst())
                ))
            // A record less, and others first.
            if asked.count > 1 {
                found.append(("records", .detail(Array(asked.dropLast()))))
                found.append(("records", .detail(asked.reversed())))
            }
            return found
        case .health: return [("endpoint", .list(cursor: nil, filter: .all))]
        }
    }
}

extension RequestAbandoned {
    fileprivate var alterations: [Alteration] {
        [
            Alteration(
                "intent",
                .requestAbandoned(RequestAbandoned(intent: intent.next, ordinals: ordinals))),
            Alteration(
                "ordinals",
                .requestAbandoned(
                    RequestAbandoned(
                        intent: intent,
                        ordinals: ordinals.isEmpty ? [Ordinal(1)] : ordinals.dropLast()))),
        ]
    }
}

extension BackoffApplied {
    fileprivate var alterations: [Alteration] {
        func with(
            kind: Kind? = nil, until: LogTime? = nil, waitMs: Int64? = nil, step: UInt32? = nil
        ) -> Event {
            .backoffApplied(
                BackoffApplied(
                    kind: kind ?? self.kind, until: until ?? self.until,
                    waitMs: waitMs ?? self.waitMs, step: step ?? self.step))
        }
        return [
            Alteration("kind", with(kind: kind == .cooldown ? .failure : .cooldown)),
            Alteration("until", with(until: until.adding(ns: 1))),
            Alteration("until", with(until: until.adding(ms: -60_000))),
            Alteration("waitMs", with(waitMs: waitMs + 1)),
            Alteration("step", with(step: step + 1)),
        ]
    }
}

extension DetailsRequeued {
    fileprivate var alterations: [Alteration] {
        func with(
            intent: Position? = nil, kind: Kind? = nil, parts: [[QueuedRecord]]? = nil,
            due: LogTime? = nil, error: RecordError?? = nil
        ) -> Event {
            .detailsRequeued(
                DetailsRequeued(
                    intent: intent ?? self.intent, kind: kind ?? self.kind,
                    parts: parts ?? self.parts, due: due ?? self.due, error: error ?? self.error))
        }
        let kinds = Kind.allCases.filter { $0 != kind }
        return kinds.map { Alteration("kind", with(kind: $0)) } + [
            Alteration("intent", with(intent: intent.next)),
            Alteration("parts", with(parts: parts.map { $0.map(\.other) })),
            Alteration("parts", with(parts: parts.dropLast())),
            Alteration("parts", with(parts: parts + [[]])),
            Alteration("due", with(due: due.adding(ms: 1))),
            Alteration("due", with(due: due.adding(ns: -1))),
            Alteration("error", with(error: .some(RecordError(code: "other", text: "")))),
        ] + (error == nil ? [] : [Alteration("error", with(error: .some(nil)))])
    }
}

extension RecordParked {
    fileprivate var alterations: [Alteration] {
        func with(
            record: QueuedRecord? = nil, intent: Position? = nil, attempts: UInt16? = nil,
            code: String? = nil
        ) -> Event {
            .recordParked(
                RecordParked(
                    record: record ?? self.record, intent: intent ?? self.intent,
                    attempts: attempts ?? self.attempts,
                    error: RecordError(code: code ?? error.code, text: error.text)))
        }
        return [
            Alteration("record", with(record: record.other)),
            Alteration("intent", with(intent: intent.next)),
            Alteration("attempts", with(attempts: attempts + 1)),
            Alteration("attempts", with(attempts: attempts - min(attempts, 1))),
            Alteration("error", with(code: "other")),
        ].filter { $0.event != .recordParked(self) }
    }
}

extension RunStopping {
    fileprivate var alterations: [Alteration] {
        func with(
            _ reason: StopReason? = nil, text: String? = nil, resumeAt: LogTime?? = nil,
            due: LogTime?? = nil
        ) -> Event {
            .runStopping(
                RunStopping(
                    reason: reason ?? self.reason, text: text ?? self.text,
                    resumeAt: resumeAt ?? self.resumeAt, due: due ?? self.due))
        }
        return [
            Alteration("reason", with(reason == .max ? .budget : .max)),
            Alteration("text", with(text: text + "!")),
            Alteration("resumeAt", with(resumeAt: .some((resumeAt ?? .zero).adding(ms: 1)))),
            Alteration("due", with(due: .some((due ?? .zero).adding(ns: 1)))),
        ]
    }
}

extension RunCompleted {
    fileprivate var alterations: [Alteration] {
        func with(
            outcome: RunOutcome? = nil, reason: StopReason?? = nil, text: String? = nil,
            resumeAt: LogTime?? = nil, counters: RunCounters? = nil, durationNs: Int64? = nil,
            floorNs: Int64? = nil
        ) -> Event {
            .runCompleted(
                RunCompleted(
                    outcome: outcome ?? self.outcome, reason: reason ?? self.reason,
                    text: text ?? self.text, resumeAt: resumeAt ?? self.resumeAt,
                    counters: counters ?? self.counters,
                    durationNs: durationNs ?? self.durationNs, floorNs: floorNs ?? self.floorNs))
        }
        return counters.others.map { Alteration("counters", with(counters: $0)) } + [
            Alteration("outcome", with(outcome: outcome == .partial ? .failed : .partial)),
            Alteration("reason", with(reason: .some(reason == .drift ? nil : .drift))),
            Alteration("text", with(text: text + "!")),
            Alteration("resumeAt", with(resumeAt: .some((resumeAt ?? .zero).adding(ms: 1)))),
            Alteration("durationNs", with(durationNs: durationNs + 1)),
            Alteration("floorNs", with(floorNs: floorNs + 1)),
        ]
    }
}

extension LimitLearned {
    fileprivate var alterations: [Alteration] {
        func with(
            kind: Kind? = nil, window: String? = nil, periodNs: Int64? = nil,
            requests: UInt32? = nil, ceiling: UInt32? = nil, confirmations: UInt8? = nil
        ) -> Event {
            .limitLearned(
                LimitLearned(
                    kind: kind ?? self.kind, window: window ?? self.window,
                    periodNs: periodNs ?? self.periodNs, requests: requests ?? self.requests,
                    ceiling: ceiling ?? self.ceiling,
                    confirmations: confirmations ?? self.confirmations))
        }
        return Kind.allCases.filter { $0 != kind }.map { Alteration("kind", with(kind: $0)) } + [
            Alteration("window", with(window: "day")),
            Alteration("periodNs", "periodSeconds", with(periodNs: periodNs + 1_000_000)),
            Alteration("requests", with(requests: requests + 1)),
            Alteration("ceiling", with(ceiling: ceiling + 1)),
            Alteration("confirmations", with(confirmations: confirmations + 1)),
        ]
    }
}

extension AlertRaised {
    fileprivate var alterations: [Alteration] {
        func with(
            rule: AlertRule? = nil, reminder: UInt32? = nil, channels: [String]? = nil,
            text: String? = nil
        ) -> Event {
            .alertRaised(
                AlertRaised(
                    rule: rule ?? self.rule, reminder: reminder ?? self.reminder,
                    channels: channels ?? self.channels, text: text ?? self.text))
        }
        return [
            Alteration("rule", "alert", with(rule: rule.other)),
            Alteration("reminder", with(reminder: reminder + 1)),
            Alteration("channels", with(channels: channels + ["another"])),
            Alteration("text", with(text: text + "!")),
        ]
    }
}

extension AlertRecovered {
    fileprivate var alterations: [Alteration] {
        func with(
            rule: AlertRule? = nil, raised: Position? = nil, channels: [String]? = nil,
            text: String? = nil
        ) -> Event {
            .alertRecovered(
                AlertRecovered(
                    rule: rule ?? self.rule, raised: raised ?? self.raised,
                    channels: channels ?? self.channels, text: text ?? self.text))
        }
        return [
            Alteration("rule", "alert", with(rule: rule.other)),
            Alteration("raised", with(raised: raised.next)),
            Alteration("channels", with(channels: channels + ["another"])),
            Alteration("text", with(text: text + "!")),
        ]
    }
}

extension AlertRule {
    fileprivate var other: AlertRule { self == .failed ? .partial : .failed }
}

extension RunMode {
    fileprivate var other: RunMode { self == .full ? .incremental : .full }
}

extension ListFilter {
    fileprivate var other: ListFilter { self == .all ? .idAfter(RecordID("3")) : .all }
}

extension QueuedRecord {
    fileprivate var other: QueuedRecord {
        QueuedRecord(ordinal: ordinal, id: RecordID(id.text + "9"), was: was)
    }
}

extension RunCounters {
    /// Each counter one higher by itself.
    fileprivate var others: [RunCounters] {
        let counters: [WritableKeyPath<RunCounters, UInt64>] = [
            \.listRequests, \.detailRequests, \.otherRequests, \.seen, \.new, \.changed,
            \.unchanged, \.detailed, \.failed, \.deleted, \.rateLimited,
        ]
        return counters.map { counter in
            var other = self
            other[keyPath: counter] += 1
            return other
        }
    }
}
