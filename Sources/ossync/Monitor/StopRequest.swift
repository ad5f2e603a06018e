import Dashboard
import EventLog
import SyncCore
import SyncEngine

/// That another process stops its run, asked through the inbox, and what came of it.
struct StopRequest {
    private let asked: HolderRequest

    /// - Returns: nil where no run is under way.
    /// - Throws: exit 11 where the holder can't be asked.
    init?(_ holder: LockHolder, _ session: Session) throws {
        let control = try session.openLog().snapshot().control()
        guard let invocation = control.invocation else { return nil }
        guard holder.takes.contains(.stop) else { throw EngineError.locked(holder) }
        asked = try HolderRequest(
            .stop(invocation.request), of: holder, stream: control[invocation.stream].name,
            control, session)
    }

    private var name: String {
        "`ossync \(asked.holder.activity)`, pid \(asked.holder.pid),".withoutControls
    }

    var begun: Snapshot.Fact { Snapshot.Fact("", "\(name) is asked to stop") }

    /// What came of it, told at once; nil while it is waited for.
    func end() throws -> Snapshot.Fact? {
        switch asked.state {
        case .waiting:
            guard asked.isOverdue, asked.takeBack() else { return nil }
            return Snapshot.Fact("", "\(name) doesn't answer: it is not asked any more", .bad)
        case .unheld:
            // What it names is over: nobody may find it later.
            _ = asked.takeBack()
            return Snapshot.Fact("", "\(name) is gone", .warning)
        case .done:
            return try asked.answer() == nil
                ? Snapshot.Fact("", "\(name) was at the end of its run")
                : Snapshot.Fact("", "\(name) stops: it finishes what is under way", .good)
        }
    }
}
