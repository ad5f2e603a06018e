/// A limit lower than the configured one, learned from the server's refusals.
///
/// It rises by `step` each `raiseNs`, until it is the configured one again: what was refused once
/// may be admitted later. Each refusal that confirms it doubles the interval, up to eightfold:
/// without that, a limit that stays low costs a refusal every ten minutes for ever.
package struct LearnedLimit: Sendable, Equatable {
    /// The window it is about, by its name and period as they were configured.
    package let window: String
    package let periodNs: Int64
    /// What the server admitted in one period when it refused one more.
    package var requests: Int
    /// It was believed to admit more than this before: answers to requests that were on the wire
    /// with the refused one raise `requests` no further.
    package var ceiling: Int
    /// The event that says so: requests sent before it may still be admitted.
    package var position: Position
    /// When it was learned, by the boot clock; it rises from here on.
    package var sinceNs: Int64
    /// How often a refusal confirmed it, at most 3.
    package var confirmations: UInt8
    /// What was configured when it was learned: from there on it says nothing, whatever is
    /// configured later.
    package var configured: Int

    package static let mostConfirmations: UInt8 = 3

    package init(
        window: String, periodNs: Int64, requests: Int, ceiling: Int, position: Position,
        sinceNs: Int64, confirmations: UInt8, configured: Int
    ) {
        self.window = window
        self.periodNs = periodNs
        self.requests = requests
        self.ceiling = ceiling
        self.position = position
        self.sinceNs = sinceNs
        self.confirmations = confirmations
        self.configured = configured
    }

    /// A limit that rises again so soon does little harm where it is wrong.
    private static let leastRaiseNs = 600 * Int64.nsPerSecond
    /// All that was configured is back after so long, if no refusal confirms the limit.
    private static let forgottenNs = 50 * 86_400 * Int64.nsPerSecond

    /// How often a limit of a window rises before it is confirmed: with two periods between them,
    /// the refusals that it leads to are none in a row.
    private static func raiseNs(ofPeriod periodNs: Int64) -> Int64 {
        max(periodNs.saturatingMultiply(2), leastRaiseNs)
    }

    /// Whether a limit of such a window rises as often as any does.
    static func forgetsQuickly(periodNs: Int64) -> Bool {
        raiseNs(ofPeriod: periodNs) == leastRaiseNs
    }

    /// After how long it rises: two periods and at least ten minutes, doubled by each confirmation.
    package var raiseNs: Int64 {
        Self.raiseNs(ofPeriod: periodNs)
            .saturatingMultiply(1 << Int64(min(confirmations, Self.mostConfirmations)))
    }

    /// By how much it rises: by one, or more where the window is long or admits many. One request
    /// each two days would give a limit of thousands a day back after years.
    package var step: Int {
        let raises = Int(max(Self.forgottenNs / Self.raiseNs(ofPeriod: periodNs), 1))
        return max(configured / raises + (configured % raises == 0 ? 0 : 1), 1)
    }

    func isAbout(_ window: RateWindow) -> Bool {
        self.window == window.name && periodNs == window.periodNs
    }

    /// What it stands at.
    package func requests(now: Int64) -> Int {
        requests.saturatingAdd(raises(now).saturatingMultiply(step))
    }

    private func raises(_ now: Int64) -> Int {
        Int(max(now.saturatingAdd(-sinceNs), 0) / raiseNs)
    }

    /// When it rises next.
    package func nextRaiseNs(now: Int64) -> Int64 {
        sinceNs.saturatingAdd(raiseNs.saturatingMultiply(Int64(raises(now)) + 1))
    }
}

/// A refusal at so few requests that one alone is not believed to be the window's limit.
package struct SuspectedLimit: Sendable, Equatable {
    package let window: String
    package let requests: Int
    /// Requests that were admitted since, when there were at least as many in the window.
    package var contradictions: Int

    /// So many show that the window admits more.
    static let mostContradictions = 5

    package init(window: String, requests: Int, contradictions: Int = 0) {
        self.window = window
        self.requests = requests
        self.contradictions = contradictions
    }
}
