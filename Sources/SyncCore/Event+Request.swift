/// Decision: exactly one request is about to be sent; durable before it leaves.
package struct RequestIntended: Sendable, Equatable {
    /// One slot of a budget that the request takes; budget 0 is the top-level `rateLimits`.
    package struct Charge: Sendable, Equatable {
        package let budget: UInt16
        package let weight: UInt16

        package init(budget: UInt16, weight: UInt16) {
            self.budget = budget
            self.weight = weight
        }
    }

    package enum Target: Sendable, Equatable {
        /// One page; `cursor` is nil for the first of a pass.
        case list(cursor: PageCursor?, filter: ListFilter)
        case detail([Asked])
        case health
    }

    /// A record whose details are asked for.
    package struct Asked: Sendable, Equatable {
        package let ordinal: Ordinal
        package let id: RecordID

        package init(ordinal: Ordinal, id: RecordID) {
            self.ordinal = ordinal
            self.id = id
        }
    }

    package let target: Target
    package let charges: [Charge]
    /// Nothing else is sent until its outcome is known: the program ended too often while the one
    /// record it asks for was on the wire.
    package let isAlone: Bool
    /// The moment that was waited for; nil where nothing was.
    package let due: LogTime?

    package init(
        target: Target, charges: [Charge] = [Charge(budget: 0, weight: 1)], isAlone: Bool = false,
        due: LogTime? = nil
    ) {
        self.target = target
        self.charges = charges
        self.isAlone = isAlone
        self.due = due
    }

    package var endpoint: Endpoint {
        switch target {
        case .list: .list
        case .detail: .detail
        case .health: .health
        }
    }

    /// The request as a source is asked to make it.
    package func request(intent: Position) -> SourceRequest {
        switch target {
        case .list(let cursor, let filter):
            SourceRequest(intent: intent, kind: .list(cursor: cursor, filter: filter))
        case .detail(let asked):
            SourceRequest(intent: intent, kind: .detail(ids: asked.map(\.id)))
        case .health: SourceRequest(intent: intent, kind: .health)
        }
    }
}

/// Fact: the server refused a request because of its limit.
package struct RateLimited: Sendable, Equatable {
    package let intent: Position
    package let exchange: Exchange
    package let waitMs: Int64?
    /// The header or field that named the wait.
    package let signal: String

    package init(intent: Position, exchange: Exchange, waitMs: Int64?, signal: String) {
        self.intent = intent
        self.exchange = exchange
        self.waitMs = waitMs
        self.signal = signal
    }
}

/// Fact: a request brought nothing that can be used.
package struct RequestFailed: Sendable, Equatable {
    package let intent: Position
    package let exchange: Exchange
    package let answer: FailureAnswer

    package init(intent: Position, exchange: Exchange, answer: FailureAnswer) {
        self.intent = intent
        self.exchange = exchange
        self.answer = answer
    }
}

/// Decision: the engine that sent this request is gone, its outcome will never be known.
///
/// The request counts against the budget as if it arrived now, and is asked again.
package struct RequestAbandoned: Sendable, Equatable {
    package let intent: Position
    /// The records it asked for; they go to the end of their class.
    package let ordinals: [Ordinal]

    package init(intent: Position, ordinals: [Ordinal]) {
        self.intent = intent
        self.ordinals = ordinals
    }
}

/// Decision: no request is sent before a moment.
package struct BackoffApplied: Sendable, Equatable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// After a 429.
        case cooldown = 1
        /// After the API as a whole, or the list, failed.
        case failure = 2
    }

    package let kind: Kind
    package let until: LogTime
    package let waitMs: Int64
    /// The how-manieth in a row this is, from 1.
    package let step: UInt32

    package init(kind: Kind, until: LogTime, waitMs: Int64, step: UInt32) {
        self.kind = kind
        self.until = until
        self.waitMs = waitMs
        self.step = step
    }
}

/// Fact: another process asked the run that is under way for a check of the API's health.
package struct HealthRequested: Sendable, Equatable {
    package let requester: Requester

    package init(requester: Requester) { self.requester = requester }
}

/// Fact: the API answered a health request.
package struct HealthChecked: Sendable, Equatable {
    package let intent: Position
    package let exchange: Exchange

    package init(intent: Position, exchange: Exchange) {
        self.intent = intent
        self.exchange = exchange
    }
}
