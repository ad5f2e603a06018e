/// The pages of the dashboard, in the order of their tabs.
package enum View: String, Sendable, Equatable, CaseIterable {
    case overview, events, queue, errors, budget, runs, projections

    var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    func moved(by steps: Int) -> View {
        let count = Self.allCases.count
        return Self.allCases[(number + steps + count) % count]
    }
}

/// What the person at the screen chose: the page, what is filtered, what is asked of them.
package struct ViewState: Sendable, Equatable {
    package enum Dialog: Sendable, Equatable {
        case help
        /// A full sync asks for every record again.
        case confirmFull
        /// A record is taken out of the queue.
        case confirmDrop(String)
        /// The sync that this dashboard started goes on, or not.
        case confirmQuit
        /// The whole of a row.
        case details([String])
    }

    /// What was paused on one page is not kept for another one.
    package internal(set) var view = View.overview {
        didSet { if view != oldValue { isPaused = false } }
    }
    package internal(set) var dialog: Dialog?
    /// What is shown stays as it is.
    package internal(set) var isPaused = false
    /// The text of the filter is being typed.
    package internal(set) var isTyping = false
    /// What went on last, for the line above the keys.
    package var message = Snapshot.Fact("", "")
    /// Whether a sync runs that this dashboard started.
    package var ownsSync = false
    var filters: [View: String] = [:]
    /// The selected row by page.
    var selected: [View: Int] = [:]

    package init() {}

    package var filter: String { filters[view] ?? "" }

    /// The rows of the page that pass its filter.
    func rows(_ snapshot: Snapshot) -> [Listing.Row] {
        snapshot.listing(view)?.filtered(filter) ?? []
    }

    /// The selected row; of a list that has become shorter, the last one.
    func selection(_ count: Int) -> Int { min(selected[view] ?? 0, max(count - 1, 0)) }
}
