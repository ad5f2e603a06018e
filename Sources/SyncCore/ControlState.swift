/// Everything that decisions depend on but the rows: bounded, in memory, a fold of the log.
package struct ControlState: Sendable, Equatable {
    /// The last event that was folded.
    package var position: Position = .none
    package var time: LogTime = .zero
    package var apiIdentity: String?
    package var clock: ClockAnchored?
    package var limiter = LimiterState()
    /// By number: the stream numbered n stands at index n - 1.
    package var streams: [StreamState] = []
    /// Requests whose outcome is not known, oldest first.
    package var inFlight: [InFlightRequest] = []
    /// The invocation that is under way, if one is.
    package var invocation: InvocationState?
    /// How many requests may be in flight for the storage's sake; nil while it sets no bound.
    package var inFlightAllowed: UInt16?
    /// How many compression dictionaries were made; the last one has this number.
    package var dictionaries: UInt16 = 0

    package init() {}

    package subscript(stream: StreamID) -> StreamState {
        get { streams[Int(stream.rawValue) - 1] }
        set { streams[Int(stream.rawValue) - 1] = newValue }
    }

    package func stream(named name: String) -> StreamState? {
        streams.first { $0.name == name }
    }

    package func request(_ intent: Position) -> InFlightRequest? {
        inFlight.first { $0.intent == intent }
    }

    /// The boot clock at `time`, by the last anchor.
    package func bootNs(at time: LogTime) -> Int64 {
        clock?.bootNs(at: time) ?? time.rawValue
    }

    /// The moment of a boot-clock reading, by the last anchor.
    package func time(atBootNs bootNs: Int64) -> LogTime {
        clock?.time(atBootNs: bootNs) ?? LogTime(nanoseconds: bootNs)
    }
}

/// A request that was intended and whose outcome is not in the log.
package struct InFlightRequest: Sendable, Equatable {
    package let intent: Position
    package let stream: StreamID
    package let target: RequestIntended.Target
    /// The boot clock at its intent.
    package let sentNs: Int64
    /// Nothing else is sent until its outcome is known.
    package let isAlone: Bool

    /// The records whose details it asks for.
    package var asked: [RequestIntended.Asked] {
        if case .detail(let asked) = target { asked } else { [] }
    }

    package var ordinals: [Ordinal] { asked.map(\.ordinal) }

    package var endpoint: Endpoint {
        switch target {
        case .list: .list
        case .detail: .detail
        case .health: .health
        }
    }

    package init(
        intent: Position, stream: StreamID, target: RequestIntended.Target, sentNs: Int64,
        isAlone: Bool
    ) {
        self.intent = intent
        self.stream = stream
        self.target = target
        self.sentNs = sentNs
        self.isAlone = isAlone
    }
}

/// How many records of a stream are in each state.
package struct RecordCounts: Sendable, Equatable {
    package var synced: UInt64 = 0
    package var pending: UInt64 = 0
    package var retrying: UInt64 = 0
    package var parked: UInt64 = 0
    package var dropped: UInt64 = 0

    package init() {}

    package var total: UInt64 { synced + pending + retrying + parked + dropped }
    package var withoutDetails: UInt64 { total - synced }
    /// Records that a details run would ask for.
    package var waiting: UInt64 { pending + retrying }

    mutating func move(from old: RecordState, to new: RecordState) {
        add(old, -1)
        add(new, 1)
    }

    private mutating func add(_ state: RecordState, _ change: Int64) {
        switch state {
        case .unknown: break
        case .synced: synced.add(change)
        case .pending: pending.add(change)
        case .retrying: retrying.add(change)
        case .parked: parked.add(change)
        case .dropped: dropped.add(change)
        }
    }
}

extension UInt64 {
    fileprivate mutating func add(_ change: Int64) {
        self = UInt64(bitPattern: Int64(bitPattern: self) + change)
    }
}

/// What is known of one stream.
package struct StreamState: Sendable, Equatable {
    package let id: StreamID
    package let name: String
    package var nextOrdinal = Ordinal(0)
    package var idOrder: IDOrder?
    package var highWaterMark: RecordID?
    /// The pinned keys of the pass that set the mark: it holds for that query alone.
    package var highWaterPinned: [PinnedKey] = []
    package var generation: UInt32 = 0
    /// The number of the last pass that was opened.
    package var lastPass: UInt32 = 0
    package var pass: PassState?
    package var counts = RecordCounts()
    /// The server's last count of the whole list, from a pass without a filter.
    package var lastTotal: UInt64?
    /// The last run, while it can be gone on with.
    package var unfinished: UnfinishedRun?
    package var lastRun: Position = .none
    package var lastCompletedAt: LogTime?
    /// The last thing that stopped or troubled a run, for people.
    package var lastError: String?
    /// What its alerts are made of; nil while nobody has asked for any.
    package var alerts: AlertState?

    package init(id: StreamID, name: String) {
        self.id = id
        self.name = name
    }

    /// The high-water mark that an incremental run may begin at; nil when it has to walk the whole
    /// list.
    func mark(for policy: Policy) -> RecordID? {
        guard policy.incremental == .idAfter, highWaterPinned == policy.pinned else { return nil }
        return highWaterMark
    }
}

/// A run that was paused, interrupted or failed, and what it did until then.
package struct UnfinishedRun: Sendable, Equatable {
    package let run: Position
    package let mode: RunMode
    package var counters: RunCounters
    /// A sign of drift in a pass that the run completed.
    package var drift: String?

    package init(run: Position, mode: RunMode, counters: RunCounters, drift: String? = nil) {
        self.run = run
        self.mode = mode
        self.counters = counters
        self.drift = drift
    }
}

/// A walk over the list that has not reached its end.
package struct PassState: Sendable, Equatable {
    package let number: UInt32
    package let generation: UInt32
    package let mode: RunMode
    package let run: Position
    package let filter: ListFilter
    package var pinned: [PinnedKey]
    /// The event that brought the pass to where it stands.
    package var lastEvent: Position
    /// The page to ask for next; nil for the first.
    package var cursor: PageCursor?
    /// The page at `cursor` was taken in part, by `--max`.
    package var partlyTaken = false
    package var pages: UInt64 = 0
    /// Records in the pages that were taken whole.
    package var rows: UInt64 = 0
    /// Different records seen.
    package var distinct: UInt64 = 0
    /// The server's count of what the pass asks for. Under keyset paging that of the first page,
    /// because later ones count only the rest.
    package var total: UInt64?
    package var totalChanged = false
    package var lastDigest: UInt64?
    /// Pages in a row that held only records this pass had seen.
    package var stalePages: UInt64 = 0
    package var highest: RecordID?
    /// Failures of the page at `cursor`, in a row.
    package var failures: UInt32 = 0

    package init(
        number: UInt32, generation: UInt32, mode: RunMode, run: Position, filter: ListFilter,
        pinned: [PinnedKey], openedAt: Position
    ) {
        self.number = number
        self.generation = generation
        self.mode = mode
        self.run = run
        lastEvent = openedAt
        self.filter = filter
        self.pinned = pinned
    }
}

/// One invocation of a run, from its `RunRequested` to its `RunCompleted`.
package struct InvocationState: Sendable, Equatable {
    /// The position of its `RunRequested`.
    package let request: Position
    package let stream: StreamID
    package let options: RunOptions
    package var policy: Policy
    package let seed: UInt64
    package let startedNs: Int64
    /// The run it belongs to: its own, or the earlier one that it goes on with.
    package var run: Position
    /// What that run was asked to do.
    package var mode: RunMode
    package var counters = RunCounters()
    /// Records of the list that count against `--max`.
    package var taken: UInt64 = 0
    package var stopping: RunStopping?
    /// A pass of this invocation ended with a sign of drift.
    package var drift: String?
    /// Failures of the API as a whole in a row, without an answer between them; those that were on
    /// the wire together count as one.
    package var apiFailures: UInt32 = 0
    /// Failed detail requests in a row, counted likewise, that may mean that it isn't the records.
    package var failures: UInt32 = 0
    /// The event by which the last failure was counted.
    package var failureRound = Position.none
    /// No request before this boot-clock reading.
    package var backoffUntilNs: Int64?
    /// When the server began to refuse; nil once it gave an answer that can be used.
    package var refusedSinceNs: Int64?
    package var floor: FloorTracker
    /// The open pass that an incremental run goes on with: once it is at its end, the run asks for
    /// what is new.
    package var followedPass: UInt32?
    /// Records that the run before it had given up when it ended without saying so.
    package var untoldFailures: UInt64 = 0
    /// The one request of a health check was made.
    package var healthDone = false
    /// The request for a check of the health beside the run, until that is sent.
    package var healthAsked: Position?

    package init(
        request: Position, stream: StreamID, mode: RunMode, options: RunOptions, policy: Policy,
        seed: UInt64, startedNs: Int64, floor: FloorTracker
    ) {
        self.request = request
        self.stream = stream
        run = request
        self.mode = mode
        self.options = options
        self.policy = policy
        self.seed = seed
        self.startedNs = startedNs
        self.floor = floor
    }
}
