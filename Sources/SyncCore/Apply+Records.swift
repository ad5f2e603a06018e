extension ControlState {
    mutating func fold(_ event: PassOpened, _ logged: LoggedEvent) {
        self[logged.stream].lastPass = event.number
        self[logged.stream].generation = event.generation
        // It pins what its run does; the first builds' own list of it lacks the order.
        let pinned = invocation?.policy.pinned ?? event.pinned
        self[logged.stream].pass = PassState(
            number: event.number, generation: event.generation, mode: event.mode, run: logged.run,
            filter: event.filter, pinned: pinned, openedAt: logged.position)
    }

    mutating func fold(_ event: PassCompleted, _ logged: LoggedEvent) {
        let stream = logged.stream
        if self[stream].pass?.filter == .all, let total = event.total {
            self[stream].lastTotal = total
        }
        if let mark = event.highWaterMark { self[stream].highWaterMark = mark }
        if let drift = event.drift {
            invocation?.drift = drift
        } else if let pass = self[stream].pass, pass.highest != nil {
            self[stream].highWaterPinned = pass.pinned
        }
        self[stream].pass = nil
    }

    mutating func fold(_ event: PageFetched, _ logged: LoggedEvent) {
        release(event.intent, at: logged.time)
        resetFailures()
        let stream = logged.stream
        if let order = event.idOrder { self[stream].idOrder = order }
        for entry in event.entries {
            self[stream].counts.move(from: entry.was, to: .pending)
            if entry.isNew {
                self[stream].nextOrdinal = Ordinal(entry.ordinal.rawValue + 1)
                invocation?.counters.new += 1
            } else {
                invocation?.counters.changed += 1
            }
        }
        invocation?.counters.unchanged += event.unchangedCount
        invocation?.counters.seen += UInt64(event.entries.count) + event.unchangedCount
        invocation?.taken += UInt64(event.taken)
        let order = self[stream].idOrder ?? .none
        let isKeyset = invocation?.policy.paging.isKeyset == true
        self[stream].pass?.take(event, order: order, isKeyset: isKeyset, at: logged.position)
    }

    mutating func fold(_ event: DetailsFetched, _ logged: LoggedEvent) {
        release(event.intent, at: logged.time)
        resetFailures()
        for result in event.results where result.outcome.isFound {
            self[logged.stream].counts.move(from: result.was, to: .synced)
            invocation?.counters.detailed += 1
        }
    }

    mutating func fold(_ event: DetailsRequeued, _ logged: LoggedEvent) {
        guard event.kind.isCharged else { return }
        let records = Array(event.parts.joined())
        if event.kind != .alone, invocation?.suggestsOutage(event.intent, records) == true {
            invocation?.countFailure(at: logged.position)
        }
        for record in records {
            self[logged.stream].counts.move(from: record.was, to: .retrying)
        }
    }

    mutating func fold(_ event: RecordParked, _ logged: LoggedEvent) {
        self[logged.stream].counts.move(from: event.record.was, to: .parked)
        self[logged.stream].lastError = event.error.text
        if invocation?.suggestsOutage(event.intent, []) == true {
            invocation?.countFailure(at: logged.position)
        }
        invocation?.counters.failed += 1
    }
}

extension PassState {
    /// Moves on by one page; one that repeats the page before it is asked for again.
    fileprivate mutating func take(
        _ page: PageFetched, order: IDOrder, isKeyset: Bool, at position: Position
    ) {
        pages += 1
        lastEvent = position
        failures = 0
        distinct += UInt64(page.firstSeen)
        if page.firstSeen > 0 {
            stalePages = 0
        } else if page.rows > 0, !partlyTaken {
            stalePages += 1
        }
        highest = order.greater(highest, page.highest)
        if let total = page.total, !isKeyset || self.total == nil {
            if let earlier = self.total, earlier != total { totalChanged = true }
            self.total = total
        }
        partlyTaken = page.partlyTaken
        // A page that was taken in part is asked for again, and must not look like a repeated one.
        guard !page.partlyTaken, !repeats(page) else { return }
        rows += UInt64(page.rows)
        lastDigest = page.digest
        cursor = page.next
    }

    /// Whether a page has the records of the one before it.
    func repeats(_ page: PageFetched) -> Bool {
        page.rows > 0 && !page.partlyTaken && lastDigest == page.digest
    }
}
