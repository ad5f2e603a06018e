import SyncCore

extension ValueGenerator {
    mutating func recordRow() -> RecordRow {
        var row = RecordRow(
            ordinal: ordinal(), id: id(), headerFingerprint: fingerprint(),
            headerPosition: position(), generation: unsigned())
        row.detailFingerprint = optional { $0.fingerprint() }
        row.detailPosition = position()
        row.attempts = unsigned()
        row.attemptedAt = optional { $0.time() }
        row.error = optional { $0.recordError() }
        row.queue = optional { $0.queueEntry() }
        return row
    }

    mutating func queueEntry() -> QueueEntry {
        var entry = QueueEntry(state: choice(), isChange: bool())
        entry.deferrals = unsigned()
        entry.abandons = unsigned()
        entry.due = time()
        entry.group = position()
        entry.part = unsigned()
        entry.isSplitNext = bool()
        entry.inFlight = bool()
        return entry
    }

    /// A control state whose streams stand where their numbers say; all else is random.
    mutating func controlState() -> ControlState {
        var control = ControlState()
        control.position = position()
        control.time = time()
        control.apiIdentity = optional { $0.text() }
        control.clock = optional { $0.clockAnchored() }
        control.limiter.slots = slots()
        control.limiter.cooldownUntilNs = optional { $0.signed() }
        control.limiter.strikes = unsigned()
        control.limiter.lastLimitedNs = optional { $0.signed() }
        control.limiter.cooldownAt = position()
        control.limiter.refused = slots()
        control.limiter.learned = list { $0.learnedLimit() }
        control.limiter.suspected = optional {
            SuspectedLimit(
                window: $0.text(), requests: Int($0.unsigned(UInt32.self)),
                contradictions: Int($0.unsigned(UInt32.self)))
        }
        control.limiter.admittedSince = bool()
        control.limiter.latencyNs = signed()
        for number in 0..<below(4) {
            control.streams.append(streamState(StreamID(UInt16(number + 1))))
        }
        let streams = control.streams.count
        control.inFlight = list {
            InFlightRequest(
                intent: $0.position(), stream: $0.known(streams), target: $0.target(),
                sentNs: $0.signed(), isAlone: $0.bool())
        }
        control.invocation = optional { $0.invocation($0.known(streams)) }
        control.inFlightAllowed = optional { $0.unsigned() }
        control.limiter.restoredNs = optional { $0.signed() }
        for index in control.streams.indices {
            control.streams[index].alerts = optional { $0.alertState() }
        }
        return control
    }

    mutating func alertState() -> AlertState {
        var state = AlertState(since: time())
        state.verdict = optional {
            RunVerdict(
                end: $0.position(), run: $0.position(), outcome: $0.choice(), text: $0.text())
        }
        state.requests = unsigned()
        state.rateLimited = unsigned()
        state.parkedSince = optional { $0.time() }
        state.expenses = optional { ObservedTotal(end: $0.position(), total: $0.text()) }
        state.alerts = list { $0.standingAlert() }
        return state
    }

    private mutating func standingAlert() -> StandingAlert {
        var alert = StandingAlert(
            rule: choice(), raised: position(), raisedAt: time(), text: text(),
            pending: list {
                var pending = PendingDelivery(channel: $0.text())
                pending.failures = $0.unsigned()
                pending.triedAt = $0.time()
                return pending
            })
        alert.reminders = unsigned()
        alert.isFiring = bool()
        alert.notice = position()
        alert.noticeAt = time()
        return alert
    }

    private mutating func known(_ streams: Int) -> StreamID {
        StreamID(UInt16(below(streams + 1)))
    }

    mutating func slots() -> SlotHistory {
        SlotHistory(
            times: list(atMost: 50) { $0.signed() },
            buckets: list {
                let (one, other) = ($0.signed(), $0.signed())
                return SlotHistory.Bucket(
                    oldest: min(one, other) / 2, newest: max(one, other) / 2,
                    count: Int($0.unsigned(UInt32.self)))
            })
    }

    private mutating func learnedLimit() -> LearnedLimit {
        LearnedLimit(
            window: text(), periodNs: signed(), requests: Int(unsigned(UInt32.self)),
            ceiling: Int(unsigned(UInt32.self)), position: position(), sinceNs: signed(),
            confirmations: unsigned(), configured: Int(unsigned(UInt32.self)))
    }

    private mutating func streamState(_ id: StreamID) -> StreamState {
        var stream = StreamState(id: id, name: text())
        stream.nextOrdinal = ordinal()
        stream.idOrder = optional { $0.choice() }
        stream.highWaterMark = optional { $0.id() }
        stream.highWaterPinned = list { $0.pinnedKey() }
        stream.generation = unsigned()
        stream.lastPass = unsigned()
        stream.pass = optional { $0.passState() }
        stream.counts.synced = unsigned()
        stream.counts.pending = unsigned()
        stream.counts.retrying = unsigned()
        stream.counts.parked = unsigned()
        stream.counts.dropped = unsigned()
        stream.lastTotal = optional { $0.unsigned() }
        stream.unfinished = optional {
            UnfinishedRun(
                run: $0.position(), mode: $0.choice(), counters: $0.counters(),
                drift: $0.optional { $0.text() })
        }
        stream.lastRun = position()
        stream.lastCompletedAt = optional { $0.time() }
        stream.lastError = optional { $0.text() }
        return stream
    }

    private mutating func passState() -> PassState {
        var pass = PassState(
            number: unsigned(), generation: unsigned(), mode: choice(), run: position(),
            filter: filter(), pinned: list { $0.pinnedKey() }, openedAt: position())
        pass.cursor = optional { $0.cursor() }
        pass.partlyTaken = bool()
        pass.pages = unsigned()
        pass.rows = unsigned()
        pass.distinct = unsigned()
        pass.total = optional { $0.unsigned() }
        pass.totalChanged = bool()
        pass.lastDigest = optional { $0.next() }
        pass.highest = optional { $0.id() }
        pass.failures = unsigned()
        pass.stalePages = unsigned()
        return pass
    }

    private mutating func invocation(_ stream: StreamID) -> InvocationState {
        var invocation = InvocationState(
            request: position(), stream: stream, mode: choice(), options: options(),
            policy: policy(), seed: next(), startedNs: signed(),
            floor: FloorTracker(startNs: signed(), schedule: slots(), lastNs: signed()))
        invocation.run = position()
        invocation.counters = counters()
        invocation.taken = unsigned()
        invocation.stopping = optional { $0.runStopping() }
        invocation.drift = optional { $0.text() }
        invocation.apiFailures = unsigned()
        invocation.failures = unsigned()
        invocation.followedPass = optional { $0.unsigned() }
        invocation.failureRound = position()
        invocation.untoldFailures = unsigned()
        invocation.backoffUntilNs = optional { $0.signed() }
        invocation.refusedSinceNs = optional { $0.signed() }
        invocation.healthDone = bool()
        invocation.healthAsked = optional { Position($0.unsigned() | 1) }
        return invocation
    }
}
