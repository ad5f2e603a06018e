import EventLog
import Glibc
import SyncCore
import SyncEngine

/// Something asked of the process that holds the store, from its file in the inbox to its answer.
struct HolderRequest {
    let request: InboxRequest
    let holder: LockHolder
    private let name: String
    private let session: Session
    /// Until when it may be left lying, by the boot clock.
    private let lastNs: Int64

    /// Holders look for requests once a second, and after each commit.
    private static let patienceNs: Int64 = 30 * .nsPerSecond

    /// Leaves the request there.
    ///
    /// - Parameter control: the state that the asker saw.
    init(
        _ ask: InboxRequest.Ask, of holder: LockHolder, stream: String, _ control: ControlState,
        _ session: Session
    ) throws {
        var random = SystemRandomNumberGenerator()
        request = InboxRequest(
            ask: ask, stream: stream, requester: session.requester.numbered(random.next()),
            after: control.position)
        self.holder = holder
        self.session = session
        name = try Inbox(session.folder).put(request)
        // A run waits for the end of the one before it.
        if case .sync = ask {
            lastNs = .max
        } else {
            lastNs = SystemClock().read().bootNs + Self.patienceNs
        }
    }

    /// Says who is asked, for a command whose caller waits for the answer.
    func announce() {
        session.output.note("`ossync \(holder.activity)`, pid \(holder.pid), is asked to do it")
    }

    enum State {
        /// It lies there, or is being done.
        case waiting
        /// Nobody seems to hold the store: it is to be taken, which does what is in the inbox.
        case unheld
        /// It is done, or nothing could be done; `answer` tells.
        case done
    }

    /// How far it is, at once.
    var state: State {
        guard Inbox(session.folder).has(name) else { return .done }
        return EngineLock.isHeld(session.folder) == false ? .unheld : .waiting
    }

    /// Whether the holder has had more time than holders need.
    var isOverdue: Bool { waitedNs > 0 }

    /// Since the end of its patience.
    private var waitedNs: Int64 { SystemClock().read().bootNs.saturatingAdd(-lastNs) }

    /// The event that says that it was done; nil where nothing could be done.
    func answer() throws -> LoggedEvent? { try request.answer(in: session.openLog().snapshot()) }

    /// Takes it away, where nobody has begun with it.
    func takeBack() -> Bool { Inbox(session.folder).takeBack(name) }

    /// Takes away what is left of it, for who has the store, or knows that nobody has.
    func discard() { Inbox(session.folder).discard(name) }

    /// Waits for the holder, who may be a person's to interrupt.
    ///
    /// - Returns: false where nobody seems to hold the store.
    /// - Throws: exit 11, 130 or 143 where it was taken back: nothing was done.
    func wait() throws -> Bool {
        while true {
            switch state {
            case .done: return true
            case .unheld: return false
            case .waiting: break
            }
            // What it has taken is done soon, or left to whoever holds the store next.
            let waitedNs = waitedNs
            if Interruption.isAsked || waitedNs > 0, takeBack() {
                try Interruption.check("nothing was changed")
                throw EngineError.locked(holder)
            }
            if waitedNs > Self.patienceNs {
                throw CommandFailure(
                    ExitCode.failure,
                    "\(session.folder.inbox)/\(name): the request can't be taken back, and may "
                        + "still be done", hint: "`ossync log tail` shows whether it was")
            }
            usleep(20_000)
        }
    }
}

extension Requester {
    fileprivate func numbered(_ number: UInt64) -> Requester {
        Requester(pid: pid, host: host, user: user, request: number)
    }
}
