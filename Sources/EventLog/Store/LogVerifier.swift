internal import LMDB
package import SyncCore

/// What `log verify` found.
package struct VerifyReport: Sendable, Equatable {
    package struct Problem: Sendable, Equatable {
        /// The event it concerns; nil when it concerns none.
        package let position: Position?
        package let text: String

        package init(position: Position?, text: String) {
            self.position = position
            self.text = text
        }
    }

    package init(problems: [Problem] = []) { self.problems = problems }

    package var events: UInt64 = 0
    package var commits: UInt64 = 0
    /// The last position.
    package var position: Position = .none
    /// The head of the hash chain, 32 bytes: kept elsewhere, it proves that a later log extends
    /// this one.
    package var head: [UInt8] = ChainHasher.genesis
    package var problems: [Problem] = []
    /// More was wrong than is listed.
    package var isCut = false

    package var isClean: Bool { problems.isEmpty }
}

/// Checks a log against itself: density, checksums, payload hashes, chain, that the control state
/// is the fold of the events, and that rows, counters and indexes agree with each other.
///
/// It trusts nothing of what it reads; but LMDB itself may crash on a damaged page, so run it in a
/// process of its own.
package struct LogVerifier: ~Copyable {
    let snapshot: LogSnapshot
    private let coder = EventCoder()
    private var report = VerifyReport()
    /// The fold of the events so far.
    private(set) var control = ControlState()
    private var foldsOn = true
    /// The next position to check.
    private var expected = Position(1)
    /// So many events are checked in one snapshot, and those to the end of their commit.
    private let stretch: UInt64
    private static let mostProblems = 100

    package init(_ log: EventLog, stretch: UInt64 = 16_384) throws(EventLogError) {
        self.stretch = stretch
        snapshot = try log.snapshot()
    }

    /// Runs every check.
    ///
    /// - Parameter progress: is told the position reached, now and then.
    package consuming func run(
        progress: (Position) -> Void = { _ in }
    ) -> VerifyReport {
        checkEvents(progress)
        if foldsOn { checkState() }
        return report
    }

    mutating func note(_ position: Position?, _ text: String) {
        guard report.problems.count < Self.mostProblems else {
            report.isCut = true
            return
        }
        report.problems.append(VerifyReport.Problem(position: position, text: text))
    }

    private mutating func checkEvents(_ progress: (Position) -> Void) {
        do {
            // A snapshot of its own for each stretch: a long one would bloat a log that grows.
            while try checkStretch() {
                progress(expected)
                try snapshot.renew()
            }
        } catch {
            note(nil, "\(error)")
        }
    }

    /// Checks the next commits.
    ///
    /// - Returns: whether there may be more.
    private mutating func checkStretch() throws -> Bool {
        let schema = snapshot.log.schema
        let end = Position(expected.rawValue + stretch)
        var events = try snapshot.transaction.cursor(schema.events)
        var commits = try snapshot.transaction.cursor(schema.commits)
        let isFirst = expected == Position(1)
        let start = isFirst ? [] : StoreKeys.position(expected)
        var hasEvent = try events.seek(start)
        var hasCommit = try commits.seek(start)
        while hasCommit {
            let link = commits.read { key, value in ChainLink(key, value) }
            guard let link else {
                note(expected, "its commit has no link of the chain")
                break
            }
            if link.first != expected {
                note(expected, "its commit says that it begins elsewhere")
            }
            var chain = ChainHasher(previousHead: report.head)
            while hasEvent, expected <= link.last {
                let isInPlace = check(&events, expected, &chain)
                if !isInPlace { break }
                expected = expected.next
                hasEvent = try events.next()
            }
            guard expected == link.last.next else {
                note(expected, "the event is missing")
                return false
            }
            if chain.finish() != link.head {
                note(link.last, "the hash chain is broken in the commit that ends here")
            }
            report.commits += 1
            report.head = link.head
            report.position = link.last
            if expected >= end { return true }
            hasCommit = try commits.next()
        }
        if hasEvent { note(expected, "the event belongs to no commit") }
        return false
    }

    /// Checks the event at the cursor; false when it isn't the expected one.
    private mutating func check(
        _ cursor: inout Cursor, _ expected: Position, _ chain: inout ChainHasher
    ) -> Bool {
        var problem: String?
        var isInPlace = true
        var folded: LoggedEvent?
        cursor.read { key, value in
            guard StoreKeys.position(of: key) == expected else {
                isInPlace = false
                return
            }
            do throws(EventCodingError) {
                if value.count >= EventHeader.identityRange.upperBound {
                    chain.add(expected, identity: [UInt8](value[EventHeader.identityRange])[...])
                }
                folded = try coder.verify(expected, value)
            } catch {
                problem = "\(error)"
            }
        }
        guard isInPlace else { return false }
        report.events += 1
        if let problem {
            note(expected, problem)
            foldsOn = false
        }
        if foldsOn, let folded { fold(folded) }
        return true
    }

    private mutating func fold(_ event: LoggedEvent) {
        guard control.canFold(event) else {
            note(event.position, "it contradicts the events before it")
            foldsOn = false
            return
        }
        apply(event, to: &control)
    }
}
