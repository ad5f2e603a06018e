internal import EventLog
internal import RESTSource
internal import SyncCore
internal import SyncEngine

/// What people do with the store, and with the configuration, between two syncs.
extension VirtualMachine {
    /// How often they still do it.
    struct Hands {
        var healthChecks: Int
        var healthAsks: Int
        var stopsAsked: Int
        var alerts: Int
        var forgets: Int
        var queueChanges: Int
        var policyChanges: Int
        var abandons: Int
        var compactions: Int
        var redactions: Int

        init(_ plan: SimulationPlan) {
            healthChecks = plan.healthChecks
            healthAsks = plan.healthAsks
            stopsAsked = plan.stopsAsked
            alerts = plan.alerts
            forgets = plan.forgets
            queueChanges = plan.queueChanges
            policyChanges = plan.policyChanges
            abandons = plan.abandons
            compactions = plan.compactions
            redactions = plan.redactions
        }

        /// Takes one of these, if there is one left and it is drawn.
        mutating func take(
            _ path: WritableKeyPath<Hands, Int>, outOf chances: Int,
            _ generator: inout SeededGenerator
        ) -> Bool {
            guard self[keyPath: path] > 0, generator.below(chances) == 0 else { return false }
            self[keyPath: path] -= 1
            return true
        }
    }

    func takes(_ path: WritableKeyPath<Hands, Int>, outOf chances: Int) -> Bool {
        hands.take(path, outOf: chances, &generator)
    }

    // MARK: Requests for a run

    /// The policy of the configuration as it is now.
    func policy() throws -> Policy {
        let pinned = try configured.restConfiguration(token: erp.token).pinnedKeys
        return configured.policy(pinned: pinned)
    }

    /// The request for a run that may begin: one that is refused is asked for again with what its
    /// hint says.
    func allowed(
        _ mode: RunMode, _ options: RunOptions, _ engine: Engine
    ) throws -> RunRequested {
        let (policy, seed) = (try policy(), generator.next())
        let known = engine.control.stream(named: Self.streamName)
        func request(_ options: RunOptions) -> RunRequested {
            RunRequested(
                mode: mode, options: options, policy: policy, seed: seed,
                requester: Requester(pid: 1, host: "simulated", user: "nobody"))
        }
        var asked = request(options)
        let refused = refusal(engine.control, asked, stream: known?.id ?? .none)
        let goesOn = mode == .incremental || mode == .resume
        let isOther = known?.pass.map { $0.pinned != policy.pinned } ?? false
        guard (refused != nil) == (goesOn && isOther) else {
            throw SimulationViolation(
                0,
                refused.map { "the run was refused: \($0.text)" }
                    ?? "a pass of another configuration may be gone on with")
        }
        if refused != nil {
            coverage.count(.refusedRun)
            var options = options
            options.abandon = true
            asked = request(options)
            if let refused = refusal(engine.control, asked, stream: known?.id ?? .none) {
                throw SimulationViolation(0, "--abandon was refused: \(refused.text)")
            }
        }
        return asked
    }

    /// Now and then, to drop what was learned of the limits.
    func drawForget() -> Bool { takes(\.forgets, outOf: 3) }

    // MARK: Commands beside a sync

    /// A check of the health with the patience that the command has.
    ///
    /// - Returns: nil when nobody asks for one.
    func checkHealth() throws -> Invocation? {
        guard takes(\.healthChecks, outOf: 3) else { return nil }
        return try invoke(.health, RunOptions(patienceMs: 60_000))
    }

    /// Puts some records back into the queue, or takes some out of it.
    ///
    /// - Parameter records: those without details.
    func changeQueue(_ records: [QueuedRecord]) throws {
        guard !records.isEmpty, takes(\.queueChanges, outOf: 3) else { return }
        let drops = generator.below(2) == 0
        let first = generator.below(records.count)
        let some = Array(records[first...].prefix(1 + generator.below(3)))
        _ = try drops ? drop(some) : retry(some)
    }

    /// Now and then, asks the engine that runs for something.
    func askMeanwhile(_ engine: Engine) throws {
        try askForQueueChange(engine)
        if takes(\.healthAsks, outOf: 40) {
            try ask(.health, engine)
            coverage.count(.askedForHealth)
        }
        if let invocation = engine.control.invocation, takes(\.stopsAsked, outOf: 60) {
            try ask(.stop(invocation.request), engine)
            self.invocation?.signals.append(.sigterm)
            coverage.count(.askedToStop)
        }
    }

    /// To put records back into the queue, or to take them out; some of them may be on the wire, or
    /// have their details.
    private func askForQueueChange(_ engine: Engine) throws {
        guard let stream = engine.control.stream(named: Self.streamName), stream.pass == nil,
            takes(\.queueChanges, outOf: 24)
        else { return }
        let first = generator.below(max(Int(stream.nextOrdinal.rawValue), 1))
        let ordinals = (0..<(1 + generator.below(3))).map { Ordinal(UInt32(first + $0)) }
        guard let snapshot = try log?.snapshot() else { return }
        let ids = try ordinals.compactMap { try snapshot.row(stream.id, $0)?.id }
        try ask(generator.below(3) == 0 ? .drop(ids) : .retry(ids), engine)
        coverage.count(.askedMeanwhile)
    }

    private func ask(_ ask: InboxRequest.Ask, _ engine: Engine) throws {
        let requester = Requester(
            pid: 3, host: "simulated", user: "nobody", request: generator.next())
        _ = try Inbox(StoreFolder(store)).put(
            InboxRequest(
                ask: ask, stream: Self.streamName, requester: requester,
                after: engine.control.position))
    }

    /// Puts records back into the queue, as `queue retry` does.
    ///
    /// - Returns: false when the process crashed at it.
    func retry(_ records: [QueuedRecord]) throws -> Bool {
        let isDone = try change(records) {
            .queueRetried(QueueRetried(records: $0, requester: Self.requester))
        }
        guard isDone else { return false }
        coverage.count(.retriedByHand, records.count)
        return true
    }

    /// Takes records out of the queue, as `queue drop` does.
    private func drop(_ records: [QueuedRecord]) throws -> Bool {
        let isDone = try change(records) {
            .queueDropped(QueueDropped(records: $0, requester: Self.requester))
        }
        guard isDone else { return false }
        coverage.count(.droppedByHand, records.count)
        return true
    }

    static let requester = Requester(pid: 2, host: "simulated", user: "nobody")

    /// Settles what a process that is gone left behind, which may give a record up, and then names
    /// the records as they are.
    private func change(
        _ records: [QueuedRecord], _ event: ([QueuedRecord]) -> Event
    ) throws -> Bool {
        try start()
        guard let engine else { return false }
        guard try process(engine, startInputs(engine)) == nil else { return false }
        let fact = event(try current(records))
        guard try process(engine, [.fact(fact, stream: Self.stream)]) == nil else { return false }
        stop()
        return true
    }

    private func current(_ records: [QueuedRecord]) throws -> [QueuedRecord] {
        guard let snapshot = try log?.snapshot() else { return [] }
        return try records.compactMap { try snapshot.row(Self.stream, $0.id) }
            .map { QueuedRecord(ordinal: $0.ordinal, id: $0.id, was: $0.state) }
    }

    // MARK: The configuration

    /// Changes limits, batch and concurrency, which a run takes as they are when it begins.
    func changePolicy() {
        guard takes(\.policyChanges, outOf: 3) else { return }
        let before = configured.limits.windows.map(\.requests)
        // The server's limits follow from the plan's: never more than these.
        let share = generator.below(3) == 0 ? 1 : 0.3 + 0.1 * Double(generator.below(7))
        configured.limits.windows = plan.limits.windows.map { window in
            RateWindow(
                name: window.name, requests: max(Int(Double(window.requests) * share), 1),
                periodNs: window.periodNs)
        }
        let after = configured.limits.windows.map(\.requests)
        if zip(after, before).contains(where: <) { coverage.count(.limitsLowered) }
        if zip(after, before).contains(where: >) { coverage.count(.limitsRaised) }
        configured.concurrency = 1 + generator.below(6)
        if !plan.detailsByPath { configured.batch = 1 + generator.below(10) }
    }

    /// Changes the size of the pages, on which the cursor of an open pass depends, to one that it
    /// never had.
    func changePages() {
        guard takes(\.abandons, outOf: 2) else { return }
        configured.pageSize += 1
    }
}
