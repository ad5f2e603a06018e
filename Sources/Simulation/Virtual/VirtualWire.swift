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
    }

    private struct Item {
        let timeNs: Int64
        let number: Int
        /// The process that sent the request; its answers die with it.
        let life: Int
        let content: Content
    }

    private let plan: SimulationPlan
    private let builder: RequestBuilder
    private let reader: ResponseReader
    private let clock: VirtualClock
    private var generator: SeededGenerator
    /// By time, then by number.
    private var items: [Item] = []
    private var nextNumber = 0
    private var life = 0
    /// Requests whose answer the client waits for.
    private(set) var awaited: Set<Position> = []
    /// In the order of their arrival.
    private(set) var arrivals: [Arrival] = []
    private(set) var coverage = SimulationCoverage()

    init(_ plan: SimulationPlan, _ clock: VirtualClock) throws(RecordsError) {
        let configuration = try plan.restConfiguration()
        self.plan = plan
        self.clock = clock
        builder = RequestBuilder(configuration)
        reader = try ResponseReader(configuration)
        generator = SeededGenerator(plan.seed, 0x0552, 0)
    }

    /// When something happens next on the wire.
    var nextNs: Int64? { items.first?.timeNs }

    /// Sends a request; its answer, or the lack of one, comes by `deliver`.
    mutating func send(_ request: SourceRequest) {
        let now = clock.nowNs
        awaited.insert(request.intent)
        guard let wire = builder.request(for: request) else {
            add(.answer(request.intent, reader.refusal(of: request)), atNs: now)
            return
        }
        if isFaulty, unit() < plan.connectFailureRate {
            coverage.count(.connectFailure)
            let error = TransportError(kind: .connect, sent: false)
            let after = 1 + Int64(unit() * Double(plan.forwardNs))
            add(.answer(request.intent, reader.answer(to: request, error)), atNs: now + after)
            return
        }
        let isSpike = unit() < plan.spikeRate
        let most = isSpike ? plan.limits.deliveryBoundMs * .nsPerMs : plan.forwardNs
        let forward = 1 + Int64(unit() * Double(most - 1))
        add(.arrival(request, Self.erpRequest(wire), sentNs: now), atNs: now + forward)
        let kind: TransportError.Kind = unit() < 0.5 ? .totalTimeout : .idleTimeout
        let timeout = TransportError(
            kind: kind, sent: true, latencyUs: UInt64(plan.timeoutNs / 1_000))
        add(
            .answer(request.intent, reader.answer(to: request, timeout)),
            atNs: now + plan.timeoutNs)
    }

    private var isFaulty: Bool { plan.faults.lastArrival.map { arrivals.count < $0 } ?? true }

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
            case .answer(let intent, let answer):
                guard item.life == life, awaited.remove(intent) != nil else { continue }
                if case .failed(let failure) = answer.content, failure.failure == .timeout {
                    coverage.count(.timeout)
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
        items.removeAll { if case .answer = $0.content { true } else { false } }
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
        count(reply)
        guard isAwaited else { return }
        let time = item.timeNs + reply.delayNs + back
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
        case .truncated:
            return reader.answer(
                to: request,
                TransportError(
                    kind: .partial, sent: true, status: reply.status, latencyUs: latencyUs))
        }
    }

    private mutating func count(_ reply: ERPReply) {
        if reply.status == 429 {
            switch plan.retryAfter {
            case .seconds: coverage.count(.limitedWithSeconds)
            case .httpDate: coverage.count(.limitedWithDate)
            case .none: coverage.count(.limitedWithoutWait)
            }
        } else if reply.status == 503, reply.header("retry-after") != nil {
            coverage.count(.unavailableWithRetryAfter)
        }
    }

    private mutating func add(_ content: Content, atNs time: Int64) {
        let item = Item(timeNs: time, number: nextNumber, life: life, content: content)
        nextNumber += 1
        let index = items.firstIndex { $0.timeNs > time } ?? items.endIndex
        items.insert(item, at: index)
    }

    private mutating func unit() -> Double { Double(generator.next() >> 11) * 0x1p-53 }
}
