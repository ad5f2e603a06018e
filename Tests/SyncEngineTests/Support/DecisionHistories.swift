import EventLog
import SyncCore
import SyncEngine
import TestSupport

/// Short histories that have every kind of decision between them, each in several ways.
enum DecisionHistories: CaseIterable {
    case limitsFailuresAndAKill
    case refusals
    case outage
    case patience
    case drift
    case crashes
    case bounds
    case oddLists
    case oddAnswers
    case alerts

    func log() throws -> EventLog { try record(EngineFixture()).log }

    /// Makes it happen, from what is in a store already.
    ///
    /// - Returns: the last engine of it.
    func record(_ first: EngineFixture) throws -> EngineFixture {
        switch self {
        case .limitsFailuresAndAKill: try Self.limited(first)
        case .refusals: try Self.refused(first)
        case .outage: try Self.unavailable(first)
        case .patience: try Self.impatient(first)
        case .drift: try Self.drifting(first)
        case .crashes: try Self.crashing(first)
        case .bounds: try Self.bounded(first)
        case .oddLists: try Self.oddLists(first)
        case .oddAnswers: try Self.oddAnswers(first)
        case .alerts: try Self.watched(first)
        }
    }

    private static func policy(perMinute: Int?, batch: Int = 3, concurrency: Int = 2) -> Policy {
        var policy = Policy.small
        policy.limits.windows =
            perMinute.map {
                [RateWindow(name: "minute", requests: $0, periodNs: 60 * .nsPerSecond)]
            } ?? []
        policy.detail = DetailPolicy(batch: batch, concurrency: concurrency)
        return policy
    }

    /// An engine that takes over from one that is gone.
    private static func next(_ earlier: EngineFixture) throws -> EngineFixture {
        earlier.clock.advance(seconds: 2)
        return try EngineFixture(earlier.folder, clock: earlier.clock)
    }

    /// A server with so many records, none of which the store has seen.
    private static func api(_ count: Int, beyond fixture: EngineFixture) -> FakeAPI {
        let known = fixture.engine.control.stream(named: "os").map { Int($0.nextOrdinal.rawValue) }
        let first = (known ?? 0) + 1
        return FakeAPI(first..<(first + count))
    }

    /// Waits for the limits, batches that are cut, records that are parked or missing; a kill while
    /// the list is walked and one while details come, a pass that is given up, a clock that is set.
    private static func limited(_ first: EngineFixture) throws -> EngineFixture {
        var api = api(17, beyond: first)
        let ids = api.headers.keys.sorted()
        api.poison = [ids[6]]
        api.missing = [ids[11]]
        let policy = policy(perMinute: 4)
        try first.process(first.starting(.incremental, policy: policy))
        try first.finish(with: api, steps: 1)
        let second = try next(first)
        try second.process(second.starting(.full, policy: policy))
        try second.finish(with: api, steps: 5)
        let third = try next(second)
        try third.process(third.starting(.resume, policy: policy))
        try third.finish(with: api, steps: 2)
        third.clock.setWall(by: 90_000)
        try third.finish(with: api)
        api.headers[ids[2]] = 2
        try third.process(third.starting(.incremental, policy: policy))
        try third.finish(with: api)
        return third
    }

    /// A server that admits less than is configured; what it taught is forgotten at last.
    private static func refused(_ fixture: EngineFixture) throws -> EngineFixture {
        let server = LimitedServer(limit: 6, periodNs: 60 * .nsPerSecond)
        let policy = policy(perMinute: 20, concurrency: 3)
        let api = api(40, beyond: fixture)
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish(with: server, api)
        try fixture.process(
            fixture.starting(.incremental, RunOptions(forgetLimits: true), policy: policy))
        try fixture.finish(with: api)
        return fixture
    }

    /// Three failures of all, then health; then no end of them.
    private static func unavailable(_ fixture: EngineFixture) throws -> EngineFixture {
        let api = api(12, beyond: fixture)
        var left = 3
        func fails(_ request: SourceRequest) -> SourceAnswer {
            left -= 1
            return left >= 0 ? .failure(.unavailable, status: 503) : api.answer(request)
        }
        try fixture.process(fixture.starting(policy: policy(perMinute: nil)))
        try fixture.finish(answering: fails)
        left = .max
        try fixture.process(fixture.starting(policy: policy(perMinute: nil)))
        try fixture.finish(answering: fails)
        return fixture
    }

    /// Waits that are longer than the patience, and an hour's limit.
    private static func impatient(_ fixture: EngineFixture) throws -> EngineFixture {
        let api = api(12, beyond: fixture)
        let options = RunOptions(patienceMs: 1_000)
        try fixture.process(fixture.starting(.full, options, policy: policy(perMinute: 2)))
        try fixture.finish(with: api)
        try fixture.process(fixture.starting(.resume, policy: policy(perMinute: 2)))
        try fixture.finish(with: api, steps: 2)
        try fixture.process([
            .fact(.cancelRequested(CancelRequested(signal: .sigint)), stream: .none)
        ])
        try fixture.finish(with: api)
        try fixture.process(
            fixture.starting(
                .resume, RunOptions(maxDurationMs: 70_000), policy: policy(perMinute: 1)))
        try fixture.finish(with: api)
        return fixture
    }

    /// A list that grows while it is walked.
    private static func drifting(_ fixture: EngineFixture) throws -> EngineFixture {
        var api = api(25, beyond: fixture)
        try fixture.process(fixture.starting(policy: policy(perMinute: nil)))
        try fixture.finish(with: api, steps: 1)
        let last = api.headers.keys.max() ?? 0
        for id in 1...3 { api.add(last + id) }
        try fixture.finish(with: api)
        return fixture
    }

    /// Engines that are gone whenever one record is on the wire.
    private static func crashing(_ first: EngineFixture) throws -> EngineFixture {
        let api = api(5, beyond: first)
        let killer = RecordID("\(api.headers.keys.sorted()[3])")
        let policy = policy(perMinute: nil, batch: 2)
        var fixture = first
        try fixture.process(fixture.starting(.incremental, policy: policy))
        for _ in 0..<40 where fixture.finished == nil {
            let isKilled = fixture.wire.contains {
                if case .detail(let ids) = $0.kind { ids.contains(killer) } else { false }
            }
            if isKilled {
                fixture = try next(fixture)
                try fixture.process(fixture.starting(.resume, policy: policy))
            } else {
                try fixture.finish(with: api, steps: 1)
            }
        }
        return fixture
    }

    /// Runs that do no more than they are asked for, and one request for the health.
    private static func bounded(_ fixture: EngineFixture) throws -> EngineFixture {
        let api = api(25, beyond: fixture)
        func run(_ mode: RunMode, _ options: RunOptions = RunOptions()) throws {
            try fixture.process(
                fixture.starting(mode, options, policy: policy(perMinute: nil)))
            try fixture.finish(with: api)
        }
        try run(.health)
        try run(.incremental, RunOptions(maxRecords: 13))
        try run(.resume, RunOptions(noDetails: true))
        try run(.detailsOnly, RunOptions(maxRecords: 4))
        try run(.resume)
        try run(.resume)
        return fixture
    }
}

extension DecisionHistories {
    /// Short pages, a total that counts something else, rows that come twice, a list that stalls.
    private static func oddLists(_ fixture: EngineFixture) throws -> EngineFixture {
        let policy = policy(perMinute: nil, batch: 10)
        var short = api(20, beyond: fixture)
        short.pageSize = 7
        short.givesTotal = false
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish(with: short)
        let api = api(20, beyond: fixture)
        let ids = api.headers.keys.sorted()
        let lists: [(pages: [ArraySlice<Int>], total: UInt64)] = [
            ([ids[..<10], ids[10...]], 4), ([ids[..<10], ids[5..<15], ids[15...]], 20),
            ([ids[..<10], ids[..<10]], 20),
        ]
        for list in lists {
            try fixture.process(fixture.starting(policy: policy))
            try fixture.finish { request in
                guard case .list(let cursor, _) = request.kind else { return api.answer(request) }
                let number = cursor.flatMap { Int($0.display) } ?? 0
                let rows = list.pages.indices.contains(number) ? list.pages[number] : []
                return page(number, rows, total: list.total, api)
            }
        }
        return fixture
    }

    private static func page(
        _ number: Int, _ ids: ArraySlice<Int>, total: UInt64, _ api: FakeAPI
    ) -> SourceAnswer {
        let next = "\(number + 1)"
        let answer = PageAnswer(
            records: ids.map { id in
                ListedRecord(
                    id: RecordID("\(id)"), fingerprint: Fingerprint(high: UInt64(id), low: 1),
                    body: api.header(id)[...])
            }, next: PageCursor(bytes: Array(next.utf8), display: next), total: total)
        return SourceAnswer(exchange: Exchange(status: 200), content: .page(answer))
    }

    /// Answers that end a run while others are on the wire, or a wait; refusals without end.
    private static func oddAnswers(_ fixture: EngineFixture) throws -> EngineFixture {
        let api = api(12, beyond: fixture)
        let gone = RecordID("\(api.headers.keys.max() ?? 0)")
        let policy = policy(perMinute: nil, batch: 1, concurrency: 3)
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish(with: api, steps: 2)
        // One fails for all, the other one is answered: nothing is waited for.
        try fixture.answerOne { _ in .failure(.unavailable, status: 503) }
        try fixture.answerOne { _ in .failure(.notFound, status: 404) }
        try fixture.answerOne { api.answer($0) }
        // The credentials are refused, while others are on the wire that fail too.
        try fixture.answerOne { _ in .failure(.auth, status: 403) }
        try fixture.answerOne { _ in .failure(.auth, status: 401) }
        try fixture.finish(with: api)
        try fixture.process(fixture.starting(.resume, policy: policy))
        try fixture.process([
            .fact(.cancelRequested(CancelRequested(signal: .sigterm)), stream: .none)
        ])
        try fixture.answerOne { _ in .failure(.auth, status: 401) }
        try fixture.finish(with: api)
        // Refused three times in a row, then answered.
        try fixture.process(fixture.starting(.resume, policy: policy))
        var left = 3
        try fixture.finish { request in
            left -= 1
            if left >= 0 { return .limited(waitMs: nil) }
            guard case .detail(let ids) = request.kind, ids.contains(gone) else {
                return api.answer(request)
            }
            return .failure(.notFound, status: 404)
        }
        // Refused for longer than anybody waits.
        var quick = policy
        quick.limits.cooldownMs = 1_000
        try fixture.process(
            fixture.starting(.full, RunOptions(patienceMs: 30_000), policy: quick))
        try fixture.finish { _ in .limited(waitMs: 9_000) }
        return fixture
    }
}

/// Admits so many requests in a sliding window.
final class LimitedServer {
    private let limit: Int
    private let periodNs: Int64
    private var times: [Int64] = []

    init(limit: Int, periodNs: Int64) {
        self.limit = limit
        self.periodNs = periodNs
    }

    func refuses(at nowNs: Int64) -> Bool {
        times.removeAll { $0 <= nowNs - periodNs }
        guard times.count < limit else { return true }
        times.append(nowNs)
        return false
    }
}

extension EngineFixture {
    /// Runs until the invocation is over; time passes only where nothing is on the wire.
    func finish(answering answer: (SourceRequest) -> SourceAnswer) throws {
        while finished == nil, !wire.isEmpty || wake != nil {
            if wire.isEmpty, let wake {
                clock.advance(ns: engine.control.bootNs(at: wake) - clock.read().bootNs)
                try process([])
                continue
            }
            try process(answers(answer))
        }
    }

    func finish(with server: LimitedServer, _ api: FakeAPI) throws {
        try finish { request in
            server.refuses(at: clock.read().bootNs) ? .limited(waitMs: nil) : api.answer(request)
        }
    }
}

extension EngineFixture {
    /// Takes the answer to the request that was sent first; the others stay on the wire.
    func answerOne(_ answer: (SourceRequest) -> SourceAnswer) throws {
        guard let first = takeFirst() else { return }
        try process([.answered(intent: first.intent, answer(first))])
    }
}

extension DecisionHistories {
    /// Runs that are watched: one fails, one gives a record up, one is completed; channels that
    /// can't be told, or are told again.
    private static func watched(_ fixture: EngineFixture) throws -> EngineFixture {
        var rules = AlertRules()
        rules.failed = true
        rules.partial = true
        rules.parkedMs = 1_000
        rules.noSuccessMs = 60_000
        rules.expensesMovedPpm = 100_000
        rules.remindMs = 5_000
        rules.channels = [
            AlertRules.Channel(name: "pager"),
            AlertRules.Channel(name: "file", rules: [.failed], tellsRecovery: false),
        ]
        func look(expenses: String? = nil, movedPpm: UInt64? = nil) throws {
            let fact = AlertsEvaluated(rules: rules, expenses: expenses, movedPpm: movedPpm)
            try fixture.process([.fact(.alertsEvaluated(fact), stream: StreamID(1))])
        }
        let policy = policy(perMinute: nil)
        var api = api(12, beyond: fixture)
        let poisoned = api.headers.keys.sorted()[4]
        try fixture.process(
            fixture.engine.startInputs(apiIdentity: EngineFixture.apiIdentity, stream: "os"))
        try look()
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish { _ in .failure(.auth, status: 401) }
        try look()
        fixture.clock.advance(seconds: 6)
        try look()
        api.poison = [poisoned]
        try fixture.process(fixture.starting(.resume, policy: policy))
        try fixture.finish(with: api)
        fixture.clock.advance(seconds: 70)
        try look(expenses: "100", movedPpm: nil)
        for alert in fixture.engine.control.streams[0].alerts?.alerts ?? [] {
            let told = AlertDelivered(
                notice: alert.notice, channel: "pager", isDelivered: alert.rule == .failed,
                attempts: 3, text: "")
            try fixture.process([.fact(.alertDelivered(told), stream: StreamID(1))])
        }
        api.poison = []
        api.headers[poisoned] = 2
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish(with: api)
        try look(expenses: "150", movedPpm: 500_000)
        try fixture.process(fixture.starting(policy: policy))
        try fixture.finish(with: api)
        try look(expenses: "150", movedPpm: 0)
        return fixture
    }
}
