extension ControlState {
    /// Folds what happens to the list pass.
    mutating func applyList(_ logged: LoggedEvent) {
        let stream = logged.stream
        switch logged.event {
        case .passOpened(let event):
            self[stream].lastPass = event.number
            self[stream].generation = event.generation
            self[stream].pass = PassState(
                number: event.number, generation: event.generation, mode: event.mode,
                run: logged.run, filter: event.filter, pinned: event.pinned,
                openedAt: logged.position)
        case .passAbandoned: self[stream].pass = nil
        case .passCompleted(let event):
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
        case .pageFetched(let event): applyPage(event, logged)
        default: preconditionFailure("not an event of a list: \(logged.event.type.name)")
        }
    }

    private mutating func applyPage(_ event: PageFetched, _ logged: LoggedEvent) {
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
        if var pass = self[stream].pass {
            pass.take(
                event, order: self[stream].idOrder ?? .none,
                isKeyset: invocation?.policy.paging.isKeyset ?? false)
            pass.lastEvent = logged.position
            self[stream].pass = pass
        }
    }

    /// Folds what happens to records in the detail queue.
    mutating func applyQueue(_ logged: LoggedEvent) {
        let stream = logged.stream
        switch logged.event {
        case .detailsFetched(let event):
            release(event.intent, at: logged.time)
            resetFailures()
            for result in event.results where result.outcome.isFound {
                self[stream].counts.move(from: result.was, to: .synced)
                invocation?.counters.detailed += 1
            }
        case .detailsRequeued(let event):
            guard event.kind.isCharged else { return }
            let records = Array(event.parts.joined())
            if event.kind != .alone,
                invocation?.suggestsOutage(event.intent, records) ?? false
            {
                invocation?.countFailure(at: logged.position)
            }
            for record in records {
                self[stream].counts.move(from: record.was, to: .retrying)
            }
        case .recordParked(let event):
            self[stream].counts.move(from: event.record.was, to: .parked)
            self[stream].lastError = event.error.text
            if invocation?.suggestsOutage(event.intent, []) ?? false {
                invocation?.countFailure(at: logged.position)
            }
            invocation?.counters.failed += 1
        case .queueRetried(let event):
            for record in event.records {
                self[stream].counts.move(from: record.was, to: .pending)
            }
        case .queueDropped(let event):
            for record in event.records {
                self[stream].counts.move(from: record.was, to: .dropped)
            }
        default: preconditionFailure("not an event of the queue: \(logged.event.type.name)")
        }
    }
}

extension PassState {
    /// Moves on by one page; one that repeats the page before it is asked for again.
    fileprivate mutating func take(_ page: PageFetched, order: IDOrder, isKeyset: Bool) {
        pages += 1
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
