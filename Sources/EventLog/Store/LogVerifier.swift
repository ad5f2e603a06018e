internal import LMDB
package import SyncCore

/// Checks a log against itself: density, checksums, payload hashes, chain, that control state and
/// seen-sets are the fold of the events, and that rows, counters and indexes agree with each other.
///
/// It trusts nothing of what it reads; but LMDB itself may crash on a damaged page, so run it in a
/// process of its own.
package struct LogVerifier: ~Copyable {
    let snapshot: LogSnapshot
    private let checker: EventChecker
    private let chain = ChainHasher(previousHead: ChainHasher.genesis)
    private var report = VerifyReport()
    private var progress: VerifyProgress
    private var foldsOn = true
    /// Whether what is in the archive is left out.
    let skipsArchive: Bool
    let workers: Int
    /// Of the segments that the walk may not read; nil before it begins.
    var archive: ArchiveCheck?
    /// So many events are checked in one snapshot, and those to the end of their commit.
    private let stretch: UInt64

    /// - Parameters:
    ///   - progress: where it begins: what is before that was checked by another process.
    ///   - skipsArchive: whether what is in the archive is left out: then the rest is checked for
    ///     itself, and rows and state are compared with nothing.
    ///   - workers: threads that check events while this one folds those before.
    package init(
        _ log: EventLog, from progress: VerifyProgress = VerifyProgress(),
        skipsArchive: Bool = false, stretch: UInt64 = 16_384, workers: Int = 0
    ) throws(EventLogError) {
        self.skipsArchive = skipsArchive
        self.workers = workers
        self.stretch = stretch
        self.progress = progress
        checker = EventChecker(workers: workers, log.dictionaries)
        snapshot = try log.snapshot()
        report.whole = progress.position
    }

    /// The fold of the events so far.
    var control: ControlState { progress.control }

    var commits: Int { Int(progress.commits) }

    /// The last position that was checked.
    package var position: Position { progress.position }

    /// What was found so far.
    package var problems: [VerifyReport.Problem] { report.problems }

    /// The end of the last commit before which, and in which, nothing is damaged.
    package var whole: Position { report.whole }

    /// Where another process may go on; nil once something was found, which it would not know.
    package var resumable: VerifyProgress? { report.isClean ? progress : nil }

    /// Runs every check.
    package consuming func run() -> VerifyReport {
        while advance() {}
        return finish()
    }

    /// Checks the next commits.
    ///
    /// - Parameter visit: is told each event that is folded, in their order.
    /// - Returns: whether there may be more.
    package mutating func advance(_ visit: (LoggedEvent) -> Void = { _ in }) -> Bool {
        do {
            guard try checkStretch(visit) else { return false }
            // A snapshot of its own for each stretch: a long one would bloat a log that grows.
            try snapshot.renew()
            return true
        } catch {
            note(.events, nil, "\(error)")
            return false
        }
    }

    /// Compares what is stored beside the events with their fold.
    ///
    /// - Parameter others: checks what this can't, in the snapshot that all of it was read in; it
    ///   is told the fold. Not called when the log isn't whole.
    package mutating func finish(
        _ others: (borrowing LogSnapshot, ControlState) -> [VerifyReport.Problem] = { _, _ in [] }
    ) -> VerifyReport {
        report.isFolded = foldsOn && report.isClean
        if report.isFolded {
            checkState(progress.seen, progress.dictionaries)
            for problem in others(snapshot, control) {
                note(problem.part, problem.position, problem.text)
            }
        }
        checkRedactions(progress.redactions, skipsArchive: skipsArchive)
        report.end = max(progress.position, lastPosition())
        checkHead()
        checkPages()
        (report.events, report.commits) = (progress.events, progress.commits)
        (report.position, report.head) = (progress.position, progress.head)
        return report
    }

    mutating func note(_ part: VerifyReport.Part, _ position: Position?, _ text: String) {
        report.note(part, position, text)
    }

    mutating func noteUnchecked(_ text: String) { report.unchecked.append(text) }

    // MARK: Events and chain

    private mutating func checkStretch(_ visit: (LoggedEvent) -> Void) throws -> Bool {
        if progress.position == .none {
            if try checkSegment() { return true }
            try skipMissing()
        }
        var expected = progress.position.next
        let end = Position(expected.rawValue + stretch)
        let start = progress.position == .none ? [] : StoreKeys.position(expected)
        var events = try EventFeed(snapshot.events(), from: expected, upTo: end, checker)
        var commits = try snapshot.transaction.cursor(snapshot.log.schema.commits)
        var hasCommit = try commits.seek(start)
        while hasCommit {
            let link = commits.read { key, value in ChainLink(key, value) }
            guard let link else {
                note(.events, expected, "its commit has no link of the chain")
                break
            }
            if link.first != expected {
                note(.events, expected, "its commit says that it begins elsewhere")
            }
            chain.begin(previousHead: progress.head)
            while expected <= link.last, let event = try events.next(), event.key == expected {
                check(event, expected, visit)
                expected = expected.next
            }
            guard expected.rawValue == link.last.rawValue &+ 1 else {
                note(.events, expected, "the event is missing")
                return false
            }
            close(link)
            if expected >= end { return true }
            hasCommit = try commits.next()
        }
        if try events.next() != nil {
            note(.events, expected, "the event belongs to no commit")
        }
        return false
    }

    /// Goes on behind a position: what follows is checked for itself.
    mutating func skip(through position: Position) throws {
        foldsOn = false
        progress.head = try snapshot.head(at: position) ?? []
        progress.position = position
        // The next commit proves it.
        if report.isClean { progress.lookForHead() }
    }

    private mutating func close(_ link: ChainLink) {
        if chain.finish() != link.head {
            note(.events, link.last, "the hash chain is broken in the commit that ends here")
        }
        progress.commits += 1
        progress.head = link.head
        progress.position = link.last
        guard report.isClean else { return }
        report.whole = link.last
        progress.lookForHead()
    }

    private mutating func check(
        _ event: CheckedEvent, _ position: Position, _ visit: (LoggedEvent) -> Void
    ) {
        if event.value.count >= EventHeader.identityRange.upperBound {
            let identity = UnsafeRawBufferPointer(rebasing: event.value[EventHeader.identityRange])
            chain.add(position, identity: identity)
            progress.identity.replaceSubrange(0..., with: identity)
        }
        progress.events += 1
        switch event.result {
        case .success(let logged):
            if logged.event.type == .redacted { progress.redactions.append(position) }
            fold(logged, visit)
        case .failure(let error):
            note(.events, position, "\(error)")
            foldsOn = false
        }
    }

    private mutating func fold(_ event: LoggedEvent, _ visit: (LoggedEvent) -> Void) {
        guard foldsOn else { return }
        guard progress.control.canFold(event) else {
            note(.events, event.position, "it contradicts the events before it")
            foldsOn = false
            return
        }
        apply(event, to: &progress.control)
        progress.seen.take(event)
        if case .dictionaryTrained(let trained) = event.event {
            progress.dictionaries[trained.number] = DictionaryRow(trained).checksum
        }
        visit(event)
    }

    // MARK: The head that was kept, the pages, and the end

    private mutating func checkPages() {
        do throws(LMDBError) {
            if let text = try snapshot.log.environment.pageProblem() { note(.pages, nil, text) }
        } catch {
            note(.pages, nil, "the pages could not be checked: \(error)")
        }
    }

    private mutating func checkHead() {
        guard let against = progress.against, progress.foundAt == nil else { return }
        if skipsArchive, !foldsOn, report.isClean {
            note(
                .head, nil,
                "head \(against) is not in what was checked: look for it with the archive")
            return
        }
        guard foldsOn, progress.position == report.whole else {
            note(.head, nil, "head \(against) was not found before the damage")
            return
        }
        guard let position = against.position else {
            note(
                .head, nil,
                "head \(against) is not in this log's chain: it was rewritten, cut before it, or "
                    + "is another log")
            return
        }
        let text =
            position > progress.position
            ? "the log ends at position \(progress.position.rawValue): it was cut, or is another "
                + "log than that of head \(against)"
            : "the chain has not head \(against) there: the log was rewritten, or is another one"
        note(.head, position, text)
    }

    /// The last position that an event or a commit has, as far as that can be read.
    private func lastPosition() -> Position {
        let schema = snapshot.log.schema
        var last = Position.none
        for database in [schema.events, schema.commits] {
            do throws(LMDBError) {
                var cursor = try snapshot.transaction.cursor(database)
                guard try cursor.last() else { continue }
                last = max(last, cursor.read { key, _ in StoreKeys.position(of: key) ?? .none })
            } catch {
                // Damage that was found before; it only makes what lies behind it unknown.
                continue
            }
        }
        return last
    }
}
