package import SyncCore

/// How much of one window's budget was used, and what was learned of it.
package struct RateWindowFold: Sendable {
    /// What a refusal taught.
    package struct Lesson: Sendable, Equatable {
        /// What the API admitted in one period.
        package let requests: UInt64
        /// The event that says so.
        package let position: Position

        package init(requests: UInt64, position: Position) {
            self.requests = requests
            self.position = position
        }
    }

    package let window: RateWindow
    private var sent: SlidingCount
    private var accepted: SlidingCount
    private var acceptedSinceLesson: SlidingCount
    /// Periods by the clock that had requests, by how many they had.
    private var periods: [UInt64: UInt64] = [:]
    private var current: (number: Int64, requests: UInt64)?
    package private(set) var requests: UInt64 = 0
    /// The last one that stands; nil when none was learned, or it was forgotten.
    package private(set) var lesson: Lesson?
    /// How often a refusal was taken for this window's, and how often that was not believed.
    package private(set) var lessons: UInt64 = 0
    package private(set) var suspicions: UInt64 = 0

    init(_ window: RateWindow, lesson: Lesson?) {
        self.window = window
        self.lesson = lesson
        sent = SlidingCount(periodNs: window.periodNs)
        accepted = SlidingCount(periodNs: window.periodNs)
        acceptedSinceLesson = accepted
    }

    // MARK: Folding

    mutating func send(_ ns: Int64) {
        requests += 1
        sent.add(ns, now: ns)
        let number = ns / max(window.periodNs, 1)
        if let current, current.number == number {
            self.current = (number, current.requests + 1)
        } else {
            if let current { periods[current.requests, default: 0] += 1 }
            current = (number, 1)
        }
    }

    /// The API gave an answer that is no refusal: it let the request in between these two moments.
    mutating func accept(_ intent: Position, sentNs: Int64, answeredNs: Int64) {
        accepted.add(sentNs, now: answeredNs)
        if let lesson, intent > lesson.position {
            acceptedSinceLesson.add(sentNs, now: answeredNs)
        }
    }

    mutating func learn(_ event: LimitLearned, at position: Position) {
        guard event.kind != .suspected else {
            suspicions += 1
            return
        }
        if event.kind == .refused { lessons += 1 }
        lesson = Lesson(requests: UInt64(event.requests), position: position)
        acceptedSinceLesson = SlidingCount(periodNs: window.periodNs)
    }

    mutating func forgetLesson() { lesson = nil }

    // MARK: Figures

    /// The most requests that were sent in one period, wherever it begins, and when it ended.
    package var peak: (requests: UInt64, at: LogTime?) {
        (sent.peak, sent.peakNs.map { LogTime(nanoseconds: $0) })
    }

    /// The most that were sent and let in, both within one period.
    package var acceptedPeak: UInt64 { accepted.peak }

    /// Periods by the clock that had a request.
    package var activePeriods: UInt64 {
        periods.values.reduce(0, +) + (current == nil ? 0 : 1)
    }

    /// What half of the periods that had a request did not exceed; 0 without any.
    package var median: UInt64 {
        var all = periods
        if let current { all[current.requests, default: 0] += 1 }
        let middle = (activePeriods + 1) / 2
        var seen: UInt64 = 0
        for (requests, count) in all.sorted(by: { $0.key < $1.key }) {
            seen += count
            if seen >= middle { return requests }
        }
        return 0
    }

    /// The part of what the limit allows in those periods, in thousandths, rounded down.
    package var usedPerMille: UInt64 {
        let allowed = UInt64(max(window.requests, 0)).saturatingMultiply(activePeriods)
        return allowed == 0 ? 0 : requests.saturatingMultiply(1_000) / allowed
    }

    /// What to set the limit to, by what the API was seen to accept.
    ///
    /// - Parameter refused: how many requests it refused, whatever window that was for.
    package func advice(refused: UInt64, isLessonElsewhere: Bool) -> RateAdvice {
        let limit = UInt64(max(window.requests, 0))
        guard requests > 0 else { return .nothingAsked }
        guard refused > 0 else { return .noRefusal }
        guard let lesson else {
            if suspicions > 0 { return .suspected }
            return isLessonElsewhere ? .otherWindow : .unexplained
        }
        // Both were accepted in one period: what was learned, and what came through afterwards.
        let known = max(lesson.requests, acceptedSinceLesson.peak)
        guard known < limit else { return .acceptedSince(acceptedSinceLesson.peak) }
        return known == 0 ? .unexplained : .set(known, lesson)
    }
}

/// What a report proposes for one limit.
package enum RateAdvice: Sendable, Equatable {
    /// There was no request to learn from.
    case nothingAsked
    case noRefusal
    /// There were refusals, but they were taken for another window's.
    case otherWindow
    /// There were refusals that no window explains.
    case unexplained
    /// A refusal was taken for this window's, and that is not sure yet.
    case suspected
    /// What was learned does not lie below the limit, or so many were accepted since.
    case acceptedSince(UInt64)
    /// So many requests were accepted in one period, and more were not.
    case set(UInt64, RateWindowFold.Lesson)
}
