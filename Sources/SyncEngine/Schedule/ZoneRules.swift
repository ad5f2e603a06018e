internal import SyncCore

/// The rules of a time zone: from UTC to what the clocks there show, and back.
///
/// Instants are seconds of UTC since 1970-01-01T00:00:00Z, without leap seconds; offsets are
/// seconds east of UTC, within 26 hours. Rules are read from a TZif file, or made of a POSIX TZ
/// text; nothing here reads a disk or a clock.
package struct ZoneRules: Sendable, Equatable {
    /// A moment from which on another offset holds.
    struct Transition: Sendable, Equatable {
        let at: Int64
        let offset: Int64
    }

    /// The instants at which the clocks show one civil time.
    package enum Instants: Sendable, Equatable {
        /// The clocks pass over it: forward at this instant, the first one after the gap.
        case gap(end: Int64)
        case one(Int64)
        /// The clocks show it twice.
        case overlap(first: Int64, second: Int64)
    }

    /// No offset is larger, in either direction (RFC 8536, 3.2).
    static let maxOffset: Int64 = 26 * 3_600

    /// Before the first transition.
    private let firstOffset: Int64
    /// Ascending.
    private let transitions: [Transition]
    /// After the last transition; without one, the last offset stays.
    private let rule: PosixZone?

    init(firstOffset: Int64, transitions: [Transition], rule: PosixZone?) {
        self.firstOffset = firstOffset
        self.transitions = transitions
        self.rule = rule
    }

    /// UTC, which needs no file.
    package static let utc = ZoneRules(firstOffset: 0, transitions: [], rule: nil)

    /// Rules that a POSIX TZ text describes for all times, for example
    /// `CET-1CEST,M3.5.0,M10.5.0/3`.
    ///
    /// - Returns: nil for a text that is none.
    package init?(posix text: String) {
        guard let rule = PosixZone(text) else { return nil }
        self.init(firstOffset: rule.standardOffset, transitions: [], rule: rule)
    }

    /// The offset in force at an instant.
    package func offset(at instant: Int64) -> Int64 {
        let count = countOfTransitions(upTo: instant)
        if count == transitions.count, let rule { return rule.offset(at: instant) }
        return count == 0 ? firstOffset : transitions[count - 1].offset
    }

    /// What the clocks show at an instant.
    package func civilTime(at instant: Int64) -> CivilTime {
        CivilTime(seconds: instant.saturatingAdd(offset(at: instant)))
    }

    /// The next instant after this one at which the offset changes; nil when it never does again.
    package func nextTransition(after instant: Int64) -> Int64? {
        var count = countOfTransitions(upTo: instant)
        while count < transitions.count {
            let before = count == 0 ? firstOffset : transitions[count - 1].offset
            let next = transitions[count]
            // Of the last one on, the rule has the word.
            let after = count + 1 == transitions.count ? offset(at: next.at) : next.offset
            if after != before { return next.at }
            count += 1
        }
        let start = max(instant, transitions.last?.at ?? instant)
        return rule?.nextTransition(after: start)
    }

    /// The instants at which the clocks show a civil time.
    package func instants(of civil: CivilTime) -> Instants {
        let local = civil.seconds
        var at = local.saturatingAdd(-Self.maxOffset - 1)
        let end = local.saturatingAdd(Self.maxOffset + 1)
        var offset = offset(at: at)
        var found: [Int64] = []
        while true {
            let next = nextTransition(after: at)
            let instant = local.saturatingAdd(-offset)
            if instant >= at, instant < next ?? .max { found.append(instant) }
            guard let next, next <= end else { break }
            offset = self.offset(at: next)
            // The clocks were before this time, and are behind it.
            if found.isEmpty, next.saturatingAdd(offset) > local { return .gap(end: next) }
            at = next
        }
        guard let first = found.first else { return .gap(end: end) }
        return found.count == 1 ? .one(first) : .overlap(first: first, second: found[1])
    }

    /// How many transitions have happened at an instant.
    private func countOfTransitions(upTo instant: Int64) -> Int {
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].at <= instant { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
