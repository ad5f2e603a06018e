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
        session.output.note("`ossync \(holder.activity)`, pid \(holder.pid), is asked to do it")
        guard try asked.wait() else {
            // Taken or not, nobody does it now; it must not be done once more later.
            return asked.takeBack() ? nil : try end(of: asked, holder)
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
        while true {
            let snapshot = try log.snapshot()
            if let end = try Self.end(of: request, in: snapshot) { return end }
            let control = try snapshot.control()
            if Interruption.isAsked, !hasAskedToStop {
                hasAskedToStop = true
                _ = try HolderRequest(
                    .stop(request.position), of: holder, stream: stream.name, control, session)
                session.output.note("the service is asked to stop the run")
            }
            narrator.tick(control, wake: nil)
            guard EngineLock.isHeld(session.folder) != false else {
                throw CommandFailure(
                    ExitCode.failure, "the service is gone, with the run unfinished",
                    hint: "go on with `ossync sync --mode resume`\(session.options.storeArguments)")
            }
            usleep(100_000)
        }
    }

    private static func end(
        of request: LoggedEvent, in snapshot: borrowing LogSnapshot
    ) throws -> RunSession.Result? {
        var run = request.position
        var found: RunSession.Result?
        try snapshot.forEachEvent(after: request.position, bodies: .none) { event in
            switch event.event {
            case .runResumed(let resumed): run = resumed.run
            case .runCompleted(let completed):
                found = RunSession.Result(
                    completed: completed, position: event.position, run: run, commits: nil)
            // The next engine has found that this one was killed.
            case .runRequested, .runInterrupted: return false
            default: return true
            }
            return found == nil
        }
        return found
    }
}
