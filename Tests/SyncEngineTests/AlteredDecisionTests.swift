import EventLog
import Records
import SyncCore
import SyncEngine
import TestSupport
import Testing

/// One decision altered at a time: a program that decides so must be found at exactly that event.
///
/// Each commit that has decisions is taken out of its history, with the state before it, altered,
/// and decided anew.
@Suite struct AlteredDecisionTests {
    /// Where a replay first finds something, and what.
    private enum Finding {
        case divergence(Divergence)
        case corrupt(Position?)
    }

    private func finding(_ bundle: ReplayBundle) throws -> Finding? {
        var found: Divergence?
        do {
            try bundle.replay { step, _ in
                found = found ?? step.divergence
                return found == nil
            }
        } catch EventLogError.corrupt(_, let position, _) where found == nil {
            return .corrupt(position)
        } catch is EventLogError {}
        return found.map { .divergence($0) }
    }

    /// Each commit of a history that has decisions, by itself.
    private func slices(_ log: EventLog) throws -> [ReplayBundle] {
        var slices: [ReplayBundle] = []
        try log.snapshot().forEachCommit(after: .none, bodies: .none) { commit in
            guard commit.events.contains(where: { !$0.event.type.isFact }),
                let first = commit.events.first?.position
            else { return true }
            do {
                slices.append(try ReplayBundle(of: log, from: first, through: first))
            } catch {
                Issue.record("@\(first.rawValue): \(error)")
            }
            return true
        }
        return slices
    }

    private func decisions(_ slice: ReplayBundle) -> [LoggedEvent] {
        slice.commits.flatMap(\.events).filter { !$0.event.type.isFact }
    }

    private func altered(_ slice: ReplayBundle, _ events: [LoggedEvent]) -> ReplayBundle {
        let bytes = slice.commits.first?.bytes ?? 0
        return ReplayBundle(
            start: slice.start, rows: slice.rows,
            commits: [LoggedCommit(events: events, bytes: bytes)])
    }

    /// The commit with one event in the place of another.
    private func altered(_ slice: ReplayBundle, _ other: LoggedEvent) -> ReplayBundle {
        altered(
            slice,
            slice.commits.flatMap(\.events).map { $0.position == other.position ? other : $0 })
    }

    /// Where what is decided and what is recorded differ, as `replay --verify` names it.
    private func pointers(_ divergence: Divergence) throws -> [String] {
        let texts = [divergence.decidedEvent, divergence.recordedEvent].compactMap { $0 }
            .map { event in
                var writer = JSONWriter()
                EventJSON().write(event.withoutTexts, to: &writer)
                return Array(writer.text.utf8)[...]
            }
        guard texts.count == 2 else { return [] }
        return try JSONDifference.between(texts[0], texts[1]).map(\.pointer)
    }

    @Test func everyKindOfDecisionAndEachOfItsFieldsIsAltered() throws {
        var kinds: Set<EventType> = []
        for history in DecisionHistories.allCases {
            for slice in try slices(history.log()) {
                for decision in decisions(slice) {
                    kinds.insert(decision.event.type)
                    #expect(
                        Set(decision.event.alterations.map(\.field)) == decision.event.fields)
                    let isSame = decision.event.alterations.contains { $0.event == decision.event }
                    #expect(!isSame, "\(decision.event)")
                }
            }
        }
        #expect(kinds == Set(EventType.allCases.filter { !$0.isFact }))
    }

    /// Words for people are no decision, everything else is.
    @Test(arguments: DecisionHistories.allCases)
    func anAlteredFieldIsFoundAtItsEventAndNamed(_ history: DecisionHistories) throws {
        var count = 0
        for slice in try slices(history.log()) {
            #expect(try finding(slice) == nil)
            for decision in decisions(slice) {
                for alteration in decision.event.alterations where alteration.field != "text" {
                    let bundle = altered(slice, decision.with(alteration.event))
                    count += 1
                    let name = "\(alteration.pointer) of \(decision)"
                    guard case .divergence(let found)? = try finding(bundle) else {
                        Issue.record("not found: \(name)")
                        continue
                    }
                    #expect(found.position == decision.position, "\(name)")
                    #expect(found.decidedEvent?.withoutTexts == decision.withoutTexts, "\(name)")
                    let named = try pointers(found)
                    #expect(
                        !named.isEmpty
                            && (alteration.pointer == "/data/endpoint"
                                || named.allSatisfy { $0.hasPrefix(alteration.pointer) }),
                        "\(name): \(named)")
                }
            }
        }
        #expect(count >= 50)
    }

    @Test(arguments: DecisionHistories.allCases)
    func anotherPlaceIsFound(_ history: DecisionHistories) throws {
        for slice in try slices(history.log()) {
            let steps = slice.commits.flatMap(\.events).filter(\.startsStep).map(\.position)
            for decision in decisions(slice) {
                let others = [
                    decision.with(cause: decision.cause.next),
                    decision.with(run: decision.run.next),
                    decision.with(startsStep: !decision.startsStep),
                    // When time is looked at is no decision, but all of a step share it.
                    decision.with(time: decision.time.adding(ns: 1)),
                ]
                for other in others {
                    if other.time != decision.time, steps.contains(decision.position) { continue }
                    guard case .divergence(let found)? = try finding(altered(slice, other)) else {
                        Issue.record("not found: \(other)")
                        continue
                    }
                    #expect(found.position == decision.position)
                }
            }
        }
    }

    /// A program that doesn't decide so, and goes on, or dies there.
    @Test(arguments: DecisionHistories.allCases)
    func aDecisionThatIsLeftOutIsFound(_ history: DecisionHistories) throws {
        for slice in try slices(history.log()) {
            let events = slice.commits.flatMap(\.events)
            for (index, event) in events.enumerated() where !event.event.type.isFact {
                let before = Array(events[..<index])
                let look = event.with(
                    cause: Position.none, startsStep: true,
                    .storageMeasured(
                        StorageMeasured(
                            freeBytes: 1, inFlightAllowed: slice.inFlightAllowed)))
                // What the look at the time led to, and nothing else, is missed at the next look.
                let isEmpty = before.isEmpty
                let cut = isEmpty ? [look] : before
                let found = try #require(try finding(altered(slice, cut)), "\(event)")
                guard case .divergence(let divergence) = found else { continue }
                let expected = isEmpty ? event.position.next : event.position
                #expect(divergence.position == expected, "\(event)")
                #expect(divergence.recordedEvent == nil)
                #expect(divergence.decidedEvent?.event.type == event.event.type)

                let rest = events[(index + 1)...].map { $0.moved(by: -1, after: event.position) }
                guard !rest.isEmpty else { continue }
                let isAt =
                    switch try finding(altered(slice, before + rest)) {
                    case .divergence(let found)?: found.position == event.position
                    // What followed from it contradicts what is left.
                    case .corrupt(let position)?: position == event.position
                    case nil: false
                    }
                #expect(isAt, "\(event)")
            }
        }
    }

    /// A program that decides one thing more.
    @Test(arguments: DecisionHistories.allCases)
    func aDecisionTooManyIsFound(_ history: DecisionHistories) throws {
        for slice in try slices(history.log()) {
            let events = slice.commits.flatMap(\.events)
            for (index, event) in events.enumerated() {
                for startsStep in [false, true] {
                    let wait = BackoffApplied(
                        kind: .failure, until: event.time.adding(ms: 5), waitMs: 5, step: 1)
                    let more = LoggedEvent(
                        position: event.position.next, time: event.time, stream: StreamID(1),
                        run: event.run, cause: event.position, startsStep: startsStep,
                        event: .backoffApplied(wait))
                    let found = try finding(
                        altered(slice, Array(events[...index]) + [more]))
                    switch found {
                    case .divergence(let divergence):
                        #expect(divergence.position == more.position)
                    // Before the stream is declared nothing is decided about it.
                    case .corrupt(let position): #expect(position == more.position)
                    case nil: Issue.record("not found: \(more)")
                    }
                }
            }
        }
    }

    /// Decisions of one step in another order.
    @Test(arguments: DecisionHistories.allCases)
    func anotherOrderIsFound(_ history: DecisionHistories) throws {
        for slice in try slices(history.log()) {
            var events = slice.commits.flatMap(\.events)
            for index in events.indices.dropLast()
            where !events[index].event.type.isFact && !events[index + 1].startsStep {
                let (first, second) = (events[index], events[index + 1])
                events[index] = first.with(second.event)
                events[index + 1] = second.with(first.event)
                defer { (events[index], events[index + 1]) = (first, second) }
                guard case .divergence(let found)? = try finding(altered(slice, events)) else {
                    continue
                }
                #expect(found.position == first.position)
            }
        }
    }

    /// Told to stop at the end of a step, a replay has decided that step anew.
    @Test func theStepThatAReplayEndsWithIsVerifiedUnlessItIsCut() throws {
        let log = try DecisionHistories.limitsFailuresAndAKill.log()
        var ends: [Position] = []
        var last: LoggedEvent?
        try log.snapshot().forEachEvent(after: .none) { event in
            if event.startsStep, let last { ends.append(last.position) }
            last = event
            return true
        }
        let tail = try #require(last?.position)
        ends.append(tail)
        for position in (1...tail.rawValue).map({ Position($0) }) {
            var cut: [Bool] = []
            try log.replay(Replayer(ScratchStore()), through: position) { step, _ in
                #expect(step.divergence == nil)
                cut.append(step.isCut)
                return true
            }
            #expect(cut.dropLast().allSatisfy { !$0 })
            #expect(cut.last == !ends.contains(position))
        }
    }
}

extension ReplayBundle {
    /// How many requests the disk allows where it begins.
    fileprivate var inFlightAllowed: UInt16 { start.control.inFlightAllowed ?? .max }
}

extension LoggedEvent {
    fileprivate func with(
        cause: Position? = nil, run: Position? = nil, startsStep: Bool? = nil,
        time: LogTime? = nil, _ event: Event? = nil
    ) -> LoggedEvent {
        LoggedEvent(
            position: position, time: time ?? self.time, stream: stream, run: run ?? self.run,
            cause: cause ?? self.cause, startsStep: startsStep ?? self.startsStep,
            event: event ?? self.event)
    }

    /// As it would be in a log that has one event less before it.
    fileprivate func moved(by count: Int, after position: Position) -> LoggedEvent {
        func moved(_ other: Position) -> Position {
            other > position ? Position(UInt64(Int(other.rawValue) + count)) : other
        }
        return LoggedEvent(
            position: moved(self.position), time: time, stream: stream, run: moved(run),
            cause: moved(cause), startsStep: startsStep, event: event)
    }
}
