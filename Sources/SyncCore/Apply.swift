/// Folds one recorded event into the control state: the only way in which it changes.
///
/// Positions must follow each other without a gap; the caller has checked the log's density.
package func apply(_ logged: LoggedEvent, to control: inout ControlState) {
    precondition(
        logged.position == control.position.next,
        "event \(logged.position.rawValue) folded after \(control.position.rawValue)")
    let before = control.time
    control.position = logged.position
    control.time = logged.time
    switch logged.event {
    case .storeBound(let event): control.apiIdentity = event.apiIdentity
    case .streamDeclared(let event):
        control.streams.append(StreamState(id: event.stream, name: event.name))
    case .clockAnchored(let event): control.anchor(event, after: before)
    case .storageMeasured(let event): control.inFlightAllowed = event.inFlightAllowed
    case .dictionaryTrained(let event): control.dictionaries = event.number
    case .cancelRequested, .redacted, .logCompacted: break
    case .runRequested(let event): control.fold(event, logged)
    case .runStarted(let event): control.fold(event, logged)
    case .runResumed(let event): control.fold(event, logged)
    case .runStopping(let event): control.fold(event, logged)
    case .runCompleted(let event): control.fold(event, logged)
    case .runInterrupted: control.endInvocation(isFinished: false)
    case .requestIntended(let event): control.fold(event, logged)
    case .healthRequested: control.invocation?.healthAsked = logged.position
    case .requestFailed(let event): control.fold(event, logged)
    case .requestAbandoned(let event):
        control.release(event.intent, at: logged.time, mayStillArrive: true)
    case .healthChecked(let event): control.fold(event, logged)
    case .rateLimited(let event): control.fold(event, logged)
    case .backoffApplied(let event): control.fold(event, logged)
    case .limitLearned(let event): control.fold(event, logged)
    case .limitsForgotten(let event): control.limiter.forget(event)
    case .passOpened(let event): control.fold(event, logged)
    case .passAbandoned: control[logged.stream].pass = nil
    case .passCompleted(let event): control.fold(event, logged)
    case .pageFetched(let event): control.fold(event, logged)
    case .detailsFetched(let event): control.fold(event, logged)
    case .detailsRequeued(let event): control.fold(event, logged)
    case .recordParked(let event): control.fold(event, logged)
    case .queueRetried(let event):
        for record in event.records {
            control[logged.stream].counts.move(from: record.was, to: .pending)
        }
    case .queueDropped(let event):
        for record in event.records {
            control[logged.stream].counts.move(from: record.was, to: .dropped)
        }
    case .alertsEvaluated(let event): control.fold(event, logged)
    case .alertRaised(let event): control.fold(event, logged)
    case .alertRecovered(let event): control.fold(event, logged)
    case .alertDelivered(let event): control.fold(event, logged)
    }
    control.noteParked(logged)
}

extension ControlState {
    /// Takes a new relation of the clocks, and carries what is measured by the boot clock over a
    /// reboot.
    ///
    /// After a reboot a slot's age is the larger of the uptime and what the wall clock says: the
    /// machine has been up that long for certain. A slot that lay ahead of the last event belongs
    /// to a request that could still arrive until then, so the uptime counts for that much less.
    /// The wall clock counts for less too, by what it may have moved without a new anchor.
    ///
    /// A boot clock that goes back within a boot belongs to a machine whose memory was restored:
    /// how long it has been up says nothing, and the wall clock alone counts.
    ///
    /// - Parameter last: the time of the event before.
    fileprivate mutating func anchor(_ new: ClockAnchored, after last: LogTime) {
        defer {
            clock = new
            if new.isRestored { limiter.restoredNs = new.bootNs }
        }
        guard let old = clock else { return }
        let lastNs = old.bootNs(at: last)
        let isReboot = old.bootID != new.bootID
        guard isReboot || new.bootNs < lastNs else { return }
        let uptimeNs = isReboot ? new.bootNs : 0
        let convert = { (time: Int64) -> Int64 in
            let ahead = max(time.saturatingAdd(-lastNs), 0)
            let wallAge = new.wall.since(old.time(atBootNs: time))
                .saturatingAdd(-ClockAnchored.slackNs)
            let age = max(uptimeNs.saturatingAdd(-ahead), wallAge)
            return new.bootNs.saturatingAdd(-max(age, -Int64.max))
        }
        limiter.rebase(convert)
        // No more of a deadline can be left than was at the last event, less the uptime, even if
        // the wall clock says so.
        limiter.cooldownUntilNs = limiter.cooldownUntilNs.map { time in
            let left = old.time(atBootNs: time).since(new.wall)
                .saturatingAdd(ClockAnchored.slackNs)
            let most = max(time.saturatingAdd(-lastNs).saturatingAdd(-uptimeNs), 0)
            return new.bootNs.saturatingAdd(min(left, most))
        }
    }

    fileprivate mutating func fold(_ event: RunRequested, _ logged: LoggedEvent) {
        let now = bootNs(at: logged.time)
        invocation = InvocationState(
            request: logged.position, stream: logged.stream, mode: event.mode,
            options: event.options, policy: event.policy, seed: event.seed, startedNs: now,
            floor: FloorTracker(slots: limiter.slots, startNs: now))
        // The page at the cursor gets all its tries again.
        self[logged.stream].pass?.failures = 0
    }

    fileprivate mutating func fold(_ event: RunStarted, _ logged: LoggedEvent) {
        guard event.mode != .health else { return }
        invocation?.mode = event.mode
        self[logged.stream].lastRun = logged.run
        guard !isBesideUnfinished(logged.run, logged.stream) else { return }
        if let earlier = self[logged.stream].unfinished {
            invocation?.untoldFailures = earlier.counters.failed
        }
        self[logged.stream].unfinished = nil
    }

    fileprivate mutating func fold(_ event: RunResumed, _ logged: LoggedEvent) {
        if invocation?.mode == .incremental {
            let open = self[logged.stream].pass?.number
            invocation?.followedPass = open
        }
        invocation?.run = event.run
        invocation?.mode = event.mode
        if let earlier = self[logged.stream].unfinished, earlier.run == event.run {
            invocation?.drift = earlier.drift
        }
        self[logged.stream].lastRun = event.run
    }

    fileprivate mutating func fold(_ event: RunStopping, _ logged: LoggedEvent) {
        invocation?.stopping = event
        if event.reason.outcome == .failed, invocation?.mode != .health {
            self[logged.stream].lastError = event.text
        }
    }

    fileprivate mutating func fold(_ event: RunCompleted, _ logged: LoggedEvent) {
        let isHealth = invocation?.mode == .health
        if event.outcome == .completed, event.reason == nil, !isHealth {
            self[logged.stream].lastCompletedAt = logged.time
            self[logged.stream].lastError = nil
        }
        if !isHealth { note(event, logged) }
        endInvocation(isFinished: event.outcome == .completed || event.outcome == .partial)
    }

    /// Whether a run only fetches details while another one's pass is open: that one is still to be
    /// gone on with, and what it has given up so far counts when it ends.
    private func isBesideUnfinished(_ run: Position, _ stream: StreamID) -> Bool {
        guard let earlier = self[stream].unfinished, let pass = self[stream].pass else {
            return false
        }
        return earlier.run == pass.run && earlier.run != run
    }

    fileprivate mutating func endInvocation(isFinished: Bool) {
        guard let ended = invocation else { return }
        invocation = nil
        guard ended.mode != .health else { return }
        var counters = ended.counters
        counters.failed += ended.untoldFailures
        guard !isBesideUnfinished(ended.run, ended.stream) else {
            // What it gave up is told by the one that it ran beside.
            if !isFinished { self[ended.stream].unfinished?.counters.failed += counters.failed }
            return
        }
        if isFinished {
            self[ended.stream].unfinished = nil
            return
        }
        if let earlier = self[ended.stream].unfinished, earlier.run == ended.run {
            counters.add(earlier.counters)
        }
        self[ended.stream].unfinished = UnfinishedRun(
            run: ended.run, mode: ended.mode, counters: counters, drift: ended.drift)
    }
}

extension ControlState {
    /// Times of the log and readings of the wall clock lie between 1896 and 2116, and no machine is
    /// up for decades; far from the limits of the type, sums of them are safe.
    private static let times = -(Int64.max / 4)...(Int64.max / 2)
    private static let uptimes = -(Int64.max / 4)...(Int64.max / 4)

    /// Whether clocks that read so can be recorded: a log that says otherwise is taken for damaged.
    package static func canRecord(_ reading: ClockReading) -> Bool {
        uptimes.contains(reading.bootNs) && times.contains(reading.wall.rawValue)
    }

    /// Whether an event fits this state: its position follows, its stream was declared, its records
    /// were in the states that it says, and what it counts up, or computes with, has room.
    ///
    /// What a log that was tampered with may violate; `apply` takes it for granted.
    package func canFold(_ logged: LoggedEvent) -> Bool {
        guard logged.position == position.next, Self.times.contains(logged.time.rawValue) else {
            return false
        }
        switch logged.event {
        case .runRequested(let event) where !event.policy.isComputable: return false
        case .streamDeclared(let event): return Int(event.stream.rawValue) == streams.count + 1
        case .clockAnchored(let event):
            return Self.canRecord(
                ClockReading(bootID: event.bootID, bootNs: event.bootNs, wall: event.wall))
        case .storeBound, .storageMeasured, .cancelRequested, .logCompacted:
            return Int(logged.stream.rawValue) <= streams.count
        case .dictionaryTrained(let event):
            return Int(logged.stream.rawValue) <= streams.count && dictionaries < .max
                && event.number == dictionaries + 1
        case .redacted(let event):
            return Int(logged.stream.rawValue) <= streams.count
                && event.positions.allSatisfy { $0 != .none && $0 < logged.position }
        default:
            guard logged.stream != .none, Int(logged.stream.rawValue) <= streams.count else {
                return false
            }
            return self[logged.stream].admits(logged.event)
        }
    }
}

extension StreamState {
    /// Whether the records of an event are where it says they were, and new ones get the next
    /// numbers.
    fileprivate func admits(_ event: Event) -> Bool {
        var fits = true
        var counts = counts
        let move = { (old: RecordState, new: RecordState) in
            fits = fits && counts.has(old)
            if fits { counts.move(from: old, to: new) }
        }
        switch event {
        case .pageFetched(let page):
            var next = nextOrdinal.rawValue
            for entry in page.entries {
                move(entry.was, .pending)
                guard entry.isNew else { continue }
                guard entry.ordinal.rawValue == next, next < .max else { return false }
                next += 1
            }
        case .detailsFetched(let details):
            for result in details.results where result.outcome.isFound {
                move(result.was, .synced)
            }
        case .detailsRequeued(let event) where event.kind.isCharged:
            for record in event.parts.joined() { move(record.was, .retrying) }
        case .recordParked(let event): move(event.record.was, .parked)
        case .queueRetried(let event):
            for record in event.records { move(record.was, .pending) }
        case .queueDropped(let event):
            for record in event.records { move(record.was, .dropped) }
        default: break
        }
        return fits
    }
}

extension RecordCounts {
    fileprivate func has(_ state: RecordState) -> Bool {
        switch state {
        case .unknown: true
        case .synced: synced > 0
        case .pending: pending > 0
        case .retrying: retrying > 0
        case .parked: parked > 0
        case .dropped: dropped > 0
        }
    }
}
