import EventLog
import Glibc
import Logging
import SyncCore
import SyncEngine

/// A sync that the service which holds the store makes for someone, who waits for its end.
struct AskedSync {
    let session: Session
    let stream: Configuration.Stream
    let mode: RunMode
    let noDetails: Bool

    /// - Returns: nil where nobody holds the store any more: the sync is the caller's.
    /// - Throws: exit 1 where the service could not begin it.
    func run(by holder: LockHolder) throws -> RunSession.Result? {
        let control = try session.openLog().snapshot().control()
        Interruption.begin()
        defer { Signals.during(nil) }
        let asked = try HolderRequest(
            .sync(mode, noDetails: noDetails), of: holder, stream: stream.name, control, session)
        asked.announce()
        if try !asked.wait() {
            // Nobody does it now: it is the caller's, and must not be done once more later.
            asked.discard()
            if try asked.answer() == nil { return nil }
        }
        return try end(of: asked, holder)
    }

    private func end(of asked: HolderRequest, _ holder: LockHolder) throws -> RunSession.Result {
        let log = try session.openLog()
        guard let request = try asked.request.answer(in: log.snapshot()) else {
            throw CommandFailure(
                ExitCode.failure, "the service did not begin the run",
                hint: "its own messages say why: pid \(holder.pid)")
        }
        let narrator = RunNarrator(
            output: session.output, logger: Logger(label: "sync") { _ in SwiftLogNoOpLogHandler() },
            follower: nil)
        defer { narrator.end() }
        var hasAskedToStop = false
        var watch = Watch(request)
        while true {
            let snapshot = try log.snapshot()
            switch try watch.look(at: snapshot) {
            case .ended(let result): return result
            case .cutOff: throw cutOff
            case .goesOn: break
            }
            let control = try snapshot.control()
            if Interruption.isAsked, !hasAskedToStop {
                hasAskedToStop = true
                _ = try HolderRequest(
                    .stop(request.position), of: holder, stream: stream.name, control, session)
                session.output.note("the service is asked to stop the run")
            }
            narrator.tick(control, wake: nil)
            guard EngineLock.isHeld(session.folder) != false else { throw cutOff }
            usleep(100_000)
        }
    }

    private var cutOff: CommandFailure {
        CommandFailure(
            ExitCode.failure, "the service is gone, with the run unfinished",
            hint: "go on with `ossync sync --mode resume`\(session.options.storeArguments)")
    }
}

/// What the log says of a run that a service makes, read on from where it was read to.
private struct Watch {
    enum Look {
        case goesOn
        case ended(RunSession.Result)
        /// An engine that came after found that the one that made it was gone.
        case cutOff
    }

    private var read: Position
    private var run: Position

    init(_ request: LoggedEvent) {
        read = request.position
        run = request.position
    }

    mutating func look(at snapshot: borrowing LogSnapshot) throws -> Look {
        var found = Look.goesOn
        var (read, run) = (read, run)
        try snapshot.forEachEvent(after: read, bodies: .none) { event in
            read = event.position
            switch event.event {
            case .runResumed(let resumed): run = resumed.run
            case .runCompleted(let completed):
                found = .ended(
                    RunSession.Result(
                        completed: completed, position: event.position, run: run, commits: nil))
                return false
            case .runRequested, .runInterrupted:
                found = .cutOff
                return false
            default: break
            }
            return true
        }
        (self.read, self.run) = (read, run)
        return found
    }
}
