/// Decision: what a refusal, or an answer after it, taught about the server's limits.
package struct LimitLearned: Sendable, Equatable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// The window admits `requests`: it refused one more.
        case refused = 1
        /// One that was on the wire with the refused request was admitted: the window admits more.
        case admitted = 2
        /// So few were admitted that one refusal alone is not believed.
        case suspected = 3
    }

    package let kind: Kind
    /// The window by its name and its period.
    package let window: String
    package let periodNs: Int64
    package let requests: UInt32
    /// What answers to requests that are still on the wire may raise it to.
    package let ceiling: UInt32
    /// How often it was confirmed, at most 3; each time, it rises half as fast.
    package let confirmations: UInt8

    package init(
        kind: Kind, window: String, periodNs: Int64, requests: UInt32, ceiling: UInt32,
        confirmations: UInt8
    ) {
        self.kind = kind
        self.window = window
        self.periodNs = periodNs
        self.requests = requests
        self.ceiling = ceiling
        self.confirmations = confirmations
    }
}

/// Decision: learned limits are dropped, because someone asked for it.
package struct LimitsForgotten: Sendable, Equatable {
    /// The windows that had one.
    package let windows: [String]
    /// A cooldown was longer than any window, and is over.
    package let endsWait: Bool

    package init(windows: [String], endsWait: Bool) {
        self.windows = windows
        self.endsWait = endsWait
    }
}
