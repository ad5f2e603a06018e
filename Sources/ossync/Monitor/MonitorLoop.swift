import Dashboard
import Glibc
import SyncCore
import Synchronization

/// The screen and the keys, until somebody leaves.
struct MonitorLoop {
    private let watcher: MonitorWatcher
    private var requests: StoreRequests
    private var state = ViewState()
    /// What is on the screen; while it is paused, also what stays there.
    private var shown: Shown?

    private struct Shown: Equatable {
        var snapshot: Snapshot
        var state: ViewState
        var size: Size
    }

    /// How long a key is waited for until the next look at everything else.
    private static let keyMs: Int32 = 150
    /// The signal that asked to end; 0 for none.
    private static let signal = Atomic<Int32>(0)

    init(_ session: Session, _ watcher: MonitorWatcher) {
        self.watcher = watcher
        requests = StoreRequests(session)
    }

    /// From here on a signal ends the loop.
    static func takeSignals() {
        Signals.install()
        Signals.during { reason in
            signal.store(reason == .sigint ? SIGINT : SIGTERM, ordering: .sequentiallyConsistent)
        }
    }

    /// - Throws: exit 130 or 143 after a signal, and what the store's reader ended with.
    mutating func run(_ terminal: borrowing Terminal) throws {
        while true {
            let found = watcher.now(state.view)
            if let failure = found.failure { throw failure }
            requests.look()
            draw(found.snapshot, terminal)
            let key = terminal.key(withinMs: Self.keyMs)
            try checkSignal(key)
            guard let key else { continue }
            if key == .redraw {
                terminal.redraw()
                continue
            }
            let size = terminal.size
            let snapshot = shown?.snapshot ?? found.snapshot
            guard let action = state.handle(key, snapshot, page: listRows(size, state))
            else {
                if key != .resize { requests.dismissMessage() }
                continue
            }
            requests.perform(action)
            if case .quit = action { return }
        }
    }

    private mutating func draw(_ snapshot: Snapshot, _ terminal: borrowing Terminal) {
        state.message = requests.message
        state.ownsSync = requests.ownsSync
        let kept = state.isPaused ? shown?.snapshot : nil
        let next = Shown(snapshot: kept ?? snapshot, state: state, size: terminal.size)
        guard next != shown else { return }
        terminal.draw(render(next.snapshot, next.state, next.size, terminal.look))
        shown = next
    }

    /// Whoever ends the monitor with a signal, or closes its terminal, ends what it does, as with a
    /// sync.
    private mutating func checkSignal(_ key: Key?) throws {
        var number = Self.signal.load(ordering: .sequentiallyConsistent)
        if key == .interrupt { number = SIGINT }
        if key == .hangUp { number = SIGTERM }
        guard number != 0 else { return }
        requests.stopOwn()
        throw CommandFailure.silent(128 + number)
    }
}
