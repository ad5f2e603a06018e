/// What an alert can be about.
package enum AlertRule: UInt8, Sendable, CaseIterable {
    case failed = 1
    case partial = 2
    case parked = 3
    case noSuccess = 4
    case rateLimited = 5
    case expensesMoved = 6

    package var name: String {
        switch self {
        case .failed: "failed"
        case .partial: "partial"
        case .parked: "parked"
        case .noSuccess: "noSuccess"
        case .rateLimited: "rateLimited"
        case .expensesMoved: "expensesMoved"
        }
    }
}

/// What is watched and who is told, as far as decisions need it.
package struct AlertRules: Sendable, Equatable {
    /// Somebody who is told.
    package struct Channel: Sendable, Equatable {
        package let name: String
        /// The alerts that it is told; none means all.
        package let rules: [AlertRule]
        package let tellsRecovery: Bool

        package init(name: String, rules: [AlertRule] = [], tellsRecovery: Bool = true) {
            self.name = name
            self.rules = rules
            self.tellsRecovery = tellsRecovery
        }
    }

    package var failed = false
    package var partial = false
    /// How long records may be parked; nil: for ever.
    package var parkedMs: Int64?
    /// How long there may be no completed run.
    package var noSuccessMs: Int64?
    /// How many of a million requests may be refused.
    package var rateLimitedPpm: UInt64?
    /// By how many millionths the expenses total may move from run to run.
    package var expensesMovedPpm: UInt64?
    /// After how long an alert that still stands is told again; nil: never.
    package var remindMs: Int64?
    package var channels: [Channel] = []

    package init() {}

    /// The channels that are told that an alert is raised, or is over.
    func channels(_ rule: AlertRule, isRecovery: Bool) -> [String] {
        channels.filter { channel in
            (channel.rules.isEmpty || channel.rules.contains(rule))
                && (!isRecovery || channel.tellsRecovery)
        }.map(\.name)
    }
}

/// Fact: rules were held against how a stream stands; recorded where that changes something, and
/// for the first time, from which on the stream is watched.
package struct AlertsEvaluated: Sendable, Equatable {
    package let rules: AlertRules
    /// The sum of its expenses, where a run has ended since it was looked at last: a projection
    /// says it, which no decision may read.
    package let expenses: String?
    /// By how many millionths that differs from the one before; nil where there is nothing to
    /// compare it with.
    package let movedPpm: UInt64?

    package init(rules: AlertRules, expenses: String? = nil, movedPpm: UInt64? = nil) {
        self.rules = rules
        self.expenses = expenses
        self.movedPpm = movedPpm
    }
}

/// Decision: an alert begins, or is told again because it still stands.
package struct AlertRaised: Sendable, Equatable {
    package let rule: AlertRule
    /// 0 where it begins, else the number of the reminder.
    package let reminder: UInt32
    package let channels: [String]
    /// One line for people, without control characters.
    package let text: String

    package init(rule: AlertRule, reminder: UInt32, channels: [String], text: String) {
        self.rule = rule
        self.reminder = reminder
        self.channels = channels
        self.text = text
    }
}

/// Decision: what an alert was about is over.
package struct AlertRecovered: Sendable, Equatable {
    package let rule: AlertRule
    /// The event that began it.
    package let raised: Position
    package let channels: [String]
    /// One line for people, without control characters.
    package let text: String

    package init(rule: AlertRule, raised: Position, channels: [String], text: String) {
        self.rule = rule
        self.raised = raised
        self.channels = channels
        self.text = text
    }
}

/// Fact: a channel was told of an alert, or could not be.
package struct AlertDelivered: Sendable, Equatable {
    /// The `AlertRaised` or `AlertRecovered`.
    package let notice: Position
    package let channel: String
    package let isDelivered: Bool
    /// Tries in a row, just now.
    package let attempts: UInt32
    /// What went wrong at the last one; empty where it was delivered.
    package let text: String

    package init(
        notice: Position, channel: String, isDelivered: Bool, attempts: UInt32, text: String
    ) {
        self.notice = notice
        self.channel = channel
        self.isDelivered = isDelivered
        self.attempts = attempts
        self.text = text
    }
}
