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
    private let snapshot: LogSnapshot
    private let coder = EventCoder()
    private var report = VerifyReport()
    private var control = ControlState()
    private var foldsOn = true
    private static let mostProblems = 100

    package init(_ log: EventLog) throws(EventLogError) {
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

    private mutating func note(_ position: Position?, _ text: String) {
        guard report.problems.count < Self.mostProblems else {
            report.isCut = true
            return
        }
        report.problems.append(VerifyReport.Problem(position: position, text: text))
    }

    private mutating func checkEvents(_ progress: (Position) -> Void) {
        let schema = snapshot.log.schema
        do {
            var events = try snapshot.transaction.cursor(schema.events)
            var commits = try snapshot.transaction.cursor(schema.commits)
            var expected = Position(1)
            var hasEvent = try events.first()
            var hasCommit = try commits.first()
            while hasCommit {
                let (last, head, first) = commits.read { key, value in
                    let link = [UInt8](value)
                    return (StoreKeys.position(of: key), link.prefix(32), link.dropFirst(32))
                }
                guard let last, head.count == 32, first.count == 8 else {
                    note(expected, "its commit has no link of the chain")
                    break
                }
                if Array(first).withUnsafeBytes({ StoreKeys.position(of: $0) }) != expected {
                    note(expected, "its commit says that it begins elsewhere")
                }
                var chain = ChainHasher(previousHead: report.head)
                while hasEvent, expected <= last {
                    let isInPlace = check(&events, expected, &chain)
                    if !isInPlace { break }
                    expected = expected.next
                    hasEvent = try events.next()
                    if expected.rawValue % 65_536 == 0 { progress(expected) }
                }
                guard expected == last.next else {
                    note(expected, "the event is missing")
                    return
                }
                if chain.finish() != Array(head) {
                    note(last, "the hash chain is broken in the commit that ends here")
                }
                report.commits += 1
                report.head = Array(head)
                report.position = last
                hasCommit = try commits.next()
            }
            if hasEvent { note(expected, "the event belongs to no commit") }
        } catch {
            note(nil, "\(error)")
        }
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
            note(event.position, "it names a stream that was never declared")
            foldsOn = false
            return
        }
        apply(event, to: &control)
    }

    /// Compares what is stored beside the events with what they say.
    private mutating func checkState() {
        do throws(EventLogError) {
            let stored = try snapshot.control()
            if stored != control { note(nil, "the control state is not the fold of the events") }
            for stream in control.streams { try checkRows(stream) }
        } catch {
            note(nil, "\(error)")
        }
    }

    private mutating func checkRows(_ stream: StreamState) throws(EventLogError) {
        var counts = RecordCounts()
        var waiting = 0
        var next: UInt32 = 0
        var odd: String?
        let inFlight = Set(control.inFlight.flatMap(\.ordinals))
        let order = stream.idOrder ?? .none
        try snapshot.forEachRow(stream.id) { row throws(EventLogError) in
            if row.ordinal.rawValue != next { odd = "record \(next) has no row" }
            next += 1
            counts.add(row.state)
            if try snapshot.ordinal(stream.id, row.id) != row.ordinal {
                odd = "the index of identities doesn't lead to record \(row.id)"
            }
            if let key = row.queueKey(order: order) {
                waiting += 1
                if try !snapshot.isQueued(stream.id, key) {
                    odd = "record \(row.id) is not in its place in the queue"
                }
            }
            if row.queue?.inFlight ?? false, !inFlight.contains(row.ordinal) {
                odd = "record \(row.id) waits for a request that isn't in flight"
            }
            return odd == nil
        }
        if let odd { note(nil, odd) }
        if counts != stream.counts || next != stream.nextOrdinal.rawValue {
            note(nil, "stream \(stream.name): the rows and the counters disagree")
        }
        // Every row that waits has its entry; one entry more belongs to none.
        if try snapshot.queueLength(stream.id) != waiting {
            note(nil, "stream \(stream.name): the queue's index and the rows disagree")
        }
    }
}

extension RecordCounts {
    fileprivate mutating func add(_ state: RecordState) {
        switch state {
        case .unknown: break
        case .synced: synced += 1
        case .pending: pending += 1
        case .retrying: retrying += 1
        case .parked: parked += 1
        case .dropped: dropped += 1
        }
    }
}
