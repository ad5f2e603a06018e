/// A key, as the terminal tells it.
package enum Key: Sendable, Equatable {
    case character(Character)
    case up, down, left, right, pageUp, pageDown, home, end
    case tab, backTab, enter, escape, backspace
    /// Ctrl-C.
    case interrupt
    /// Ctrl-L.
    case redraw
    case resize
    /// The terminal is gone.
    case hangUp
    case other
}

/// What a key asks for that is more than another look at the same things.
package enum Action: Sendable, Equatable {
    case health
    case sync(Sync)
    /// The sync that runs is asked to stop.
    case stop
    case retry(id: String)
    case drop(id: String)
    case quit(Quit)

    package enum Sync: Sendable, Equatable {
        case incremental, resume, detailsOnly, headersOnly, full
    }

    package enum Quit: Sendable, Equatable {
        /// A sync that runs goes on without the dashboard.
        case leavingSync
        case stoppingSync
    }
}
