internal import RESTSource
internal import Records
internal import SyncCore

/// The network between the engine and the simulated ERP: the real building of requests and reading
/// of responses, and virtual time in place of sockets.
struct VirtualWire {
    /// A request that has reached the server.
    struct Arrival: Equatable {
        let intent: Position
        let kind: SourceRequest.Kind
    }

    private enum Content {
        case arrival(SourceRequest, ERPRequest, sentNs: Int64)
        case answer(Position, SourceAnswer)
        /// The client's own timer ran out, or it could not send.
        case timeout(Position, SourceAnswer)
    }

    private struct Item {
        let timeNs: Int64
        let number: Int
        /// The process that sent the request; its answers die with it.
        let life: Int
        let content: Content
    }

    private var plan: SimulationPlan
    private let clock: VirtualClock
    private var builder: RequestBuilder
    private var reader: ResponseReader
    private var token: String?
    private var generator: SeededGenerator
    /// By time, then by number.
    private var items: [Item] = []
    private var nextNumber = 0
    private var life = 0
    /// Answers that come before this true time find the machine asleep.
    private var asleepUntilNs = Int64.min
    /// Requests whose answer the client waits for.
    private(set) var awaited: Set<Position> = []
    /// In the order of their arrival.
    private(set) var arrivals: [Arrival] = []
    private(set) var coverage = SimulationCoverage()

    init(_ plan: SimulationPlan, _ clock: VirtualClock, token: String?) throws(RecordsError) {
        let configuration = try plan.restConfiguration(token: token)
        self.plan = plan
        self.clock = clock
        self.token = token
        builder = RequestBuilder(configuration)
        reader = try ResponseReader(configuration)
        generator = SeededGenerator(plan.seed, 0x0552, 0)
    }

    /// When something happens next on the wire.
    var nextNs: Int64? { items.first?.timeNs }

    /// Takes another configuration for the requests to come, as an invocation reads it.
    mutating func configure(_ plan: SimulationPlan, token: String?) throws(RecordsError) {
        guard token != self.token || plan.pageSize != self.plan.pageSize else { return }
        let configuration = try plan.restConfiguration(token: token)
        self.plan = plan
        self.token = token
        builder = RequestBuilder(configuration)
        reader = try ResponseReader(configuration)
    }

    /// Sends a request; its answer, or the lack of one, comes by `deliver`.
    mutating func send(_ request: SourceRequest) {
        let now = clock.nowNs
        awaited.insert(request.intent)
        guard let wire = builder.request(for: request) else {
            add(.timeout(request.intent, reader.refusal(of: request)), atNs: now)
            return
        }
        if isFaulty, unit() < plan.connectFailureRate {
            failToConnect(request)
            return
        }
        let isSpike = unit() < plan.spikeRate
        let most = isSpike ? plan.limits.deliveryBoundMs * .nsPerMs : plan.forwardNs
        if isSpike { coverage.count(.latencySpike) }
        let forward = 1 + Int64(unit() * Double(most - 1))
        add(.arrival(request, Self.erpRequest(wire), sentNs: now), atNs: now + forward)
        // Until the first byte of an answer comes.
        let isIdle = plan.idleTimeoutNs < plan.timeoutNs
        timeOut(request, isIdle ? .idleTimeout : .totalTimeout, sentNs: now, byteNs: now)
    }

    /// No connection comes about, so nothing can arrive.
    private mutating func failToConnect(_ request: SourceRequest) {
        let kinds: [TransportError.Kind] = [.connect, .resolve, .tls, .connectTimeout]
        let kind = kinds[Int(unit() * Double(kinds.count))]
        coverage.count(kind == .connectTimeout ? .connectTimeout : .connectFailure)
        let after =
            kind == .connectTimeout
            ? min(plan.connectTimeoutNs, plan.timeoutNs)
            : 1 + Int64(unit() * Double(plan.forwardNs))
        let error = TransportError(
            kind: kind, sent: false, latencyUs: UInt64(after / 1_000))
        add(.timeout(request.intent, reader.answer(to: request, error)), atNs: clock.nowNs + after)
    }

    /// Starts the client's timer for a request: from the last byte on, or from the first.
    private mutating func timeOut(
        _ request: SourceRequest, _ kind: TransportError.Kind, sentNs: Int64, byteNs: Int64,
        status: Int = 0
    ) {
        let end = kind == .idleTimeout ? byteNs + plan.idleTimeoutNs : sentNs + plan.timeoutNs
        let error = TransportError(
            kind: kind, sent: true, status: status, latencyUs: UInt64((end - sentNs) / 1_000))
        add(.timeout(request.intent, reader.answer(to: request, error)), atNs: end)
    }

    private var isFaulty: Bool { plan.faults.isActive(at: arrivals.count + 1) }

    private static func erpRequest(_ request: HTTPRequest) -> ERPRequest {
        // `http://127.0.0.1/api/os?...`: the target begins at the third slash.
        let parts = request.url.split(
            separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return ERPRequest(
            method: request.method, target: "/" + (parts.last ?? ""),
            headers: request.headers.map { ERPRequest.Field($0.name, $0.value) })
    }

    /// Lets everything happen that is due by the clock, and returns what the client is told.
    mutating func deliver(_ erp: SimulatedERP) -> [Input] {
        var inputs: [Input] = []
        while let item = items.first, item.timeNs <= clock.nowNs {
            items.removeFirst()
            switch item.content {
            case .arrival(let request, let wire, let sentNs):
                arrive(request, wire, sentNs: sentNs, item, erp)
            case .answer(let intent, let answer), .timeout(let intent, let answer):
                guard item.life == life, awaited.remove(intent) != nil else { continue }
                if case .failed(let failure) = answer.content, failure.failure == .timeout {
                    let hasBegun = answer.exchange.status != 0
                    coverage.count(hasBegun ? .timeoutInBody : .timeout)
                }
                inputs.append(.answered(intent: intent, answer))
            }
        }
        return inputs
    }

    /// The client is gone: nobody waits for an answer, but what was sent still arrives.
    mutating func loseClient() {
        life += 1
        awaited = []
        items.removeAll { if case .arrival = $0.content { false } else { true } }
    }

    /// The machine sleeps from now until `time`: half of the requests that it waits for go out when
    /// it wakes, half of the answers are lost, and its timers run out when it wakes or later.
    ///
    /// What it has given up is out: that such a request stays in the kernel of a machine that falls
    /// asleep, and leaves when it wakes, is beyond what `deliveryBoundMs` promises.
    mutating func sleep(untilNs time: Int64) {
        asleepUntilNs = time
        let sleeping = items.filter { $0.timeNs < time }
        items.removeAll { $0.timeNs < time }
        for item in sleeping {
            let isLost = unit() < 0.5
            var moved = item.timeNs
            if isLost {
                switch item.content {
                case .arrival(let request, _, _):
                    if item.life == life, awaited.contains(request.intent) {
                        moved = time + 1 + Int64(unit() * Double(plan.forwardNs))
                    }
                case .answer: continue
                case .timeout: moved = time + Int64(unit() * Double(plan.timeoutNs))
                }
            }
            insert(
                Item(timeNs: moved, number: item.number, life: item.life, content: item.content))
        }
    }

    private mutating func arrive(
        _ request: SourceRequest, _ wire: ERPRequest, sentNs: Int64, _ item: Item,
        _ erp: SimulatedERP
    ) {
        arrivals.append(Arrival(intent: request.intent, kind: request.kind))
        let reply = erp.handle(wire, atNs: item.timeNs)
        let back = 1 + Int64(unit() * Double(plan.forwardNs))
        let isAwaited = item.life == life && awaited.contains(request.intent)
        if !isAwaited {
            coverage.count(item.life == life ? .arrivalAfterTimeout : .arrivalAfterCrash)
        }
        guard isAwaited else { return }
        // An answer that comes too late is not waited for, even if all timers are late themselves.
        guard reply.delayNs < max(plan.idleTimeoutNs, plan.timeoutNs) else { return }
        let time = item.timeNs + reply.delayNs + back
        if time < asleepUntilNs, unit() < 0.5 { return }
        if case .stalled = reply.delivery {
            // Nothing came before the timer of the first byte ran out.
            guard time < sentNs + min(plan.idleTimeoutNs, plan.timeoutNs) else { return }
            let isIdle = time + plan.idleTimeoutNs < sentNs + plan.timeoutNs
            // The timer of the first byte is stopped by it.
            removeTimeout(of: request.intent)
            timeOut(
                request, isIdle ? .idleTimeout : .totalTimeout, sentNs: sentNs, byteNs: time,
                status: reply.status)
            return
        }
        let latencyUs = UInt64((time - sentNs) / 1_000)
        add(.answer(request.intent, answer(to: request, reply, latencyUs, atNs: time)), atNs: time)
    }

    private func answer(
        to request: SourceRequest, _ reply: ERPReply, _ latencyUs: UInt64, atNs time: Int64
    ) -> SourceAnswer {
        switch reply.delivery {
        case .complete:
            let wall = clock.read().wall.adding(ns: time - clock.nowNs)
            let response = HTTPResponse(
                status: reply.status,
                headers: reply.headers.map {
                    HTTPField(name: $0.name.lowercased(), value: $0.value)
                },
                body: reply.body, latencyUs: latencyUs, receivedAt: wall.rawValue / .nsPerSecond)
            return reader.answer(to: request, response)
        case .dropped:
            return reader.answer(
                to: request, TransportError(kind: .broken, sent: true, latencyUs: latencyUs))
        case .truncated, .stalled:
            return reader.answer(
                to: request,
                TransportError(
                    kind: .partial, sent: true, status: reply.status, latencyUs: latencyUs))
        }
    }

    private mutating func removeTimeout(of intent: Position) {
        items.removeAll { item in
            guard case .timeout(intent, _) = item.content else { return false }
            return item.life == life
        }
    }

    private mutating func add(_ content: Content, atNs time: Int64) {
        insert(Item(timeNs: time, number: nextNumber, life: life, content: content))
        nextNumber += 1
    }

    private mutating func insert(_ item: Item) {
        let index = items.firstIndex { $0.timeNs > item.timeNs } ?? items.endIndex
        items.insert(item, at: index)
    }

    private mutating func unit() -> Double { Double(generator.next() >> 11) * 0x1p-53 }
}
