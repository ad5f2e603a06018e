internal import EventLog
internal import SyncCore

/// Keeps what was appended to a log, as it has to be read ever after: the same but for texts that
/// were redacted, wherever an event is (invariant 4).
struct EventAccount {
    private var events: [LoggedEvent] = []

    /// Takes note of what was said to be durable.
    ///
    /// - Returns: how it has to be read.
    mutating func take(_ acknowledged: [LoggedEvent]) -> ArraySlice<LoggedEvent> {
        let first = events.count
        events += acknowledged
        for event in acknowledged {
            guard case .redacted(let redacted) = event.event else { continue }
            let ordinals = Set(redacted.records.map(\.ordinal))
            for position in redacted.positions {
                guard let index = events.firstIndex(at: position) else { continue }
                events[index] = events[index].withoutTexts(of: ordinals)
            }
        }
        return events[first...]
    }

    /// Compares all that the log and its archive have with what was appended.
    func compare(with log: EventLog, _ violations: inout Violations) throws(EventLogError) {
        var count = 0
        try log.snapshot().forEachEvent(after: .none) { event in
            guard count < events.count, event == events[count] else {
                violations.note(
                    4, "the event at \(event.position.rawValue) is read otherwise than appended")
                return false
            }
            count += 1
            return true
        }
        violations.expect(
            violations.found.count > 0 || count == events.count, 4,
            "the log and its archive have \(count) events of \(events.count)")
    }
}

extension [LoggedEvent] {
    /// They are dense.
    fileprivate func firstIndex(at position: Position) -> Int? {
        guard let first = first?.position, position >= first else { return nil }
        let index = Int(position.rawValue - first.rawValue)
        return index < count && self[index].position == position ? index : nil
    }
}

extension LoggedEvent {
    /// The event as it is read once the texts of some records are redacted.
    fileprivate func withoutTexts(of ordinals: Set<Ordinal>) -> LoggedEvent {
        let left: Event
        switch event {
        case .pageFetched(let page): left = .pageFetched(page.withoutTexts(of: ordinals))
        case .detailsFetched(let details):
            left = .detailsFetched(details.withoutTexts(of: ordinals))
        default: return self
        }
        return LoggedEvent(
            position: position, time: time, stream: stream, run: run, cause: cause,
            startsStep: startsStep, event: left)
    }
}

extension PageFetched {
    fileprivate func withoutTexts(of ordinals: Set<Ordinal>) -> PageFetched {
        let left = entries.map { entry in
            guard ordinals.contains(entry.ordinal) else { return entry }
            return Entry(
                ordinal: entry.ordinal, id: entry.id, was: entry.was,
                fingerprint: entry.fingerprint, body: [])
        }
        return PageFetched(
            intent: intent, exchange: exchange, pass: pass, generation: generation, next: next,
            total: total, rows: rows, taken: taken, partlyTaken: partlyTaken, firstSeen: firstSeen,
            digest: digest, idOrder: idOrder, highest: highest, entries: left,
            unchanged: unchanged)
    }
}

extension DetailsFetched {
    fileprivate func withoutTexts(of ordinals: Set<Ordinal>) -> DetailsFetched {
        let left = results.map { result in
            guard ordinals.contains(result.ordinal),
                case .changed(let fingerprint, _) = result.outcome
            else { return result }
            return Result(
                ordinal: result.ordinal, id: result.id, was: result.was,
                outcome: .changed(fingerprint: fingerprint, body: []))
        }
        return DetailsFetched(intent: intent, exchange: exchange, results: left)
    }
}
