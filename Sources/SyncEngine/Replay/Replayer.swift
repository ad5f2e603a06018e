package import EventLog
package import SyncCore

/// The fold of a log from its first event on, in a store of its own, where each decision can be
/// made anew.
///
/// It goes on with the commits that came since. They are not appended there: only what follows
/// from them is stored. Nothing is sent, since nobody performs the effects.
package final class Replayer {
    /// What it folded: control state and core rows without events.
    package let folded: EventLog
    package private(set) var control = ControlState()
    /// Tells of decisions that are worded otherwise too.
    private let comparesTexts: Bool
    /// The version of the rules in force where the fold stands.
    private var version: UInt32?
    /// What the last commit asked to be woken at.
    private var wake: LogTime?
    /// Keeps what is read, for a bundle.
    var recorder: RowRecorder?

    /// - Parameter scratch: where it folds; nothing else may use it.
    package init(_ scratch: ScratchStore, comparesTexts: Bool = false) {
        folded = scratch.log
        self.comparesTexts = comparesTexts
    }

    /// A replay that begins in the middle of a log.
    ///
    /// - Parameter rows: those that its decisions read.
    package init(
        _ scratch: ScratchStore, at start: ReplayBundle.Start, rows: [ReplayBundle.Row]
    ) throws(EventLogError) {
        folded = scratch.log
        comparesTexts = false
        (control, wake, version) = (start.control, start.wake, start.version)
        let writer = try folded.beginWrite(after: .none)
        for row in rows {
            try writer.store(
                row.row, of: row.stream, idOrder: control[row.stream].idOrder ?? .none)
        }
        try writer.commit()
    }

    /// Where another replay can go on.
    var standing: ReplayBundle.Start {
        ReplayBundle.Start(control: control, wake: wake, version: version)
    }

    /// What a step led to.
    package struct Step: Sendable {
        package let events: [LoggedEvent]
        /// Nil where it is decided today as it was then, or nothing was decided anew.
        package let divergence: Divergence?
        /// The replay ends within it: what is left of it can't be decided anew.
        package var isCut = false
        /// The state after it.
        package let control: ControlState
    }

    /// Folds commits that follow those it knows.
    ///
    /// - Parameters:
    ///   - verifies: decides each step anew.
    ///   - cutsStep: the last step is not whole, so that it isn't what was decided.
    ///   - body: called after each step, with a view of the rows after it, until it says no: the
    ///     rest is not folded then. A step that is missing in the log comes without events.
    /// - Returns: whether `body` had enough.
    @discardableResult
    package func take(
        _ commits: [LoggedCommit], verifies: Bool = true, cutsStep: Bool = false,
        _ body: (Step, borrowing LogWriter) throws -> Bool
    ) throws -> Bool {
        let writer = try folded.beginWrite(after: .none)
        var hasEnough = false
        walk: for (number, commit) in commits.enumerated() {
            let steps = commit.steps
            for (index, step) in steps.enumerated() {
                let isCut = cutsStep && number == commits.count - 1 && index == steps.count - 1
                let divergence = verifies && !isCut ? try self.divergence(step, writer) : nil
                var failure: EventLogError?
                do throws(EventLogError) {
                    try fold(step, writer)
                } catch {
                    // Another decision may not fit what was decided before: it is told first.
                    guard divergence != nil else { throw error }
                    failure = error
                }
                hasEnough = try !body(
                    Step(events: step, divergence: divergence, isCut: isCut, control: control),
                    writer)
                if let failure { throw failure }
                if hasEnough { break walk }
            }
            guard verifies, commit.isWhole, let divergence = try lookAfter(commit, writer) else {
                continue
            }
            hasEnough = try !body(
                Step(events: [], divergence: divergence, control: control), writer)
            if hasEnough { break walk }
        }
        try writer.commit()
        return hasEnough
    }

    private func fold(
        _ events: [LoggedEvent], _ writer: borrowing LogWriter
    ) throws(EventLogError) {
        for event in events {
            try check(event)
            try recorder?.willFold(event, writer)
            apply(event, to: &control)
            let order = event.stream == .none ? nil : control[event.stream].idOrder
            try writer.fold([event], idOrder: order ?? .none)
            if case .runRequested(let request) = event.event { version = request.deciderVersion }
        }
    }

    /// Nothing is decided about, and nothing folded, that doesn't fit the state.
    private func check(_ event: LoggedEvent) throws(EventLogError) {
        guard control.canFold(event) else { throw .contradiction(at: event.position) }
    }

    /// Decides a step anew.
    private func divergence(
        _ step: [LoggedEvent], _ writer: borrowing LogWriter
    ) throws(EventLogError) -> Divergence? {
        guard let first = step.first else { return nil }
        try check(first)
        let fact = first.event.type.isFact ? first.event : nil
        if case .clockAnchored = fact { wake = nil }
        // A run's own first step is decided by its rules already.
        if case .runRequested(let request) = fact { version = request.deciderVersion }
        let decision = try decision(fact, stream: first.stream, at: first.time, writer)
        if fact == nil { wake = decision.effects.wake }
        return Divergence(
            recorded: step, decided: decision.events, after: control.position,
            version: version, comparesTexts: comparesTexts)
    }

    /// Whoever commits looks at the time at its end; where the log has nothing of that, nothing may
    /// follow from it today either.
    private func lookAfter(
        _ commit: LoggedCommit, _ writer: borrowing LogWriter
    ) throws(EventLogError) -> Divergence? {
        guard commit.bytes < Engine.commitBytes else {
            wake = nil
            return nil
        }
        guard let last = commit.steps.last?.first, last.event.type.isFact else { return nil }
        let decision = try decision(nil, stream: .none, at: last.time, writer)
        wake = decision.effects.wake
        return Divergence(
            recorded: [], decided: decision.events, after: control.position, version: version,
            comparesTexts: comparesTexts)
    }

    private func decision(
        _ fact: Event?, stream: StreamID, at now: LogTime, _ writer: borrowing LogWriter
    ) throws(EventLogError) -> Decision {
        let needs = needsToDecide(control, fact: fact, now: now)
        // Earlier rules didn't record what was waited for.
        let isDueRecorded = version.map { $0 >= Decider.firstWithDue } ?? false
        let rows = try writer.rows(needs)
        recorder?.note(rows, needs.stream)
        return decide(
            control, fact: fact, stream: stream, rows: rows, now: now,
            wake: isDueRecorded ? wake : nil)
    }
}

extension EventLogError {
    /// An event doesn't fit the state.
    static func contradiction(at position: Position) -> EventLogError {
        .corrupt(
            path: "the log", position: position, reason: "it contradicts the events before it")
    }
}

extension LoggedCommit {
    /// The events of each decision.
    fileprivate var steps: [[LoggedEvent]] {
        var steps: [[LoggedEvent]] = []
        for event in events {
            if event.startsStep || steps.isEmpty {
                steps.append([event])
            } else {
                steps[steps.count - 1].append(event)
            }
        }
        return steps
    }
}

extension EventLog {
    /// So much is taken out of one snapshot before it is let go.
    private static let mostEvents = 4_096
    private static let mostBytes = 4 << 20

    /// Replays all commits after those that a replayer knows.
    ///
    /// - Parameters:
    ///   - end: commits that lie behind it are left out; the one that it lies in is cut there.
    ///   - body: see `Replayer.take`.
    package func replay(
        _ replayer: Replayer, through end: Position = Position(.max), verifies: Bool = true,
        _ body: (Replayer.Step, borrowing LogWriter) throws -> Bool
    ) throws {
        var position = replayer.control.position
        while position < end {
            var commits: [LoggedCommit] = []
            var (count, bytes) = (0, 0)
            try snapshot().forEachCommit(after: position, bodies: .none) { commit in
                commits.append(commit)
                count += commit.events.count
                bytes += commit.bytes
                return count < Self.mostEvents && bytes < Self.mostBytes
                    && (commit.events.last?.position ?? end) < end
            }
            guard let last = commits.last?.events.last?.position else { return }
            position = last
            let whole = commits.removeLast()
            commits.append(whole.cut(after: end))
            let next = whole.events.first { $0.position > end }
            let cutsStep = next.map { !$0.startsStep } ?? false
            if try replayer.take(commits, verifies: verifies, cutsStep: cutsStep, body) { return }
        }
    }
}
