package import EventLog
package import SyncCore

/// Runs one invocation against a real source, in real time: waits, feeds the engine, sends.
///
/// The thread that calls `run` is the log's writer; sources answer from threads of their own.
package final class SyncLoop {
    private let engine: Engine
    private let source: any Source
    private let clock: any TimeSource
    private let mailbox: Mailbox
    private let folder: StoreFolder
    private let inbox: Inbox
    /// Bytes that must be free for each request in flight.
    private let bytesPerRequest: UInt64
    private var wake: LogTime?
    private var finished: RunCompleted?
    /// Told about once a second while the run waits, so that a progress line can count down.
    package var onTick: ((ControlState, _ wake: LogTime?) -> Void)?
    /// Called at each turn of the loop, which is about once a second or more often.
    package var onTurn: ((ControlState, _ wake: LogTime?) -> Void)?

    /// Told of a file in the inbox that is no request, and was removed.
    package var onRubbish: ((String) -> Void)?

    /// Told about once a minute of a process whose snapshot is so old that it bloats the log.
    package var onReaderLag: ((ReaderLag) -> Void)?
    private var readersCheckedNs: Int64

    private static let readerIntervalNs: Int64 = 60 * .nsPerSecond
    /// A snapshot is old after so many commits: by then each reader of ours has long ended its own.
    private static let laggingCommits: UInt64 = 1_000

    /// Sleeps are cut into pieces of this length, so that a machine that was suspended notices.
    private static let longestWaitNs: Int64 = .nsPerSecond

    package init(
        engine: Engine, source: any Source, clock: any TimeSource, mailbox: Mailbox,
        folder: StoreFolder, maxBodyBytes: UInt64
    ) {
        self.engine = engine
        self.source = source
        self.clock = clock
        self.mailbox = mailbox
        self.folder = folder
        inbox = Inbox(folder)
        bytesPerRequest = 2 * maxBodyBytes
        readersCheckedNs = clock.read().bootNs
    }

    /// Runs until the invocation is over.
    ///
    /// - Parameters:
    ///   - starting: what the engine's start and the request for the run are.
    ///   - asked: the request in the inbox that the run is made for.
    package func run(
        _ starting: [Input], asked: Inbox.Turn? = nil
    ) throws(EngineError) -> RunCompleted {
        let effects = try engine.process(
            starting + storageInput() + engine.dictionaryInput())
        if let asked { inbox.finish(asked) }
        perform(effects)
        var mayHaveMore = false
        while finished == nil {
            let wait = remainingWait()
            // Whoever asks for several things waits for each.
            let messages = mailbox.take(
                waitingNs: mayHaveMore ? 0 : min(wait, Self.longestWaitNs))
            let asked = try inbox.turn(engine)
            mayHaveMore = false
            onTurn?(engine.control, wake)
            if let rubbish = asked.rubbish { onRubbish?(rubbish) }
            if messages.isEmpty, asked.isEmpty, wait > Self.longestWaitNs {
                onTick?(engine.control, wake)
                continue
            }
            var inputs = asked.inputs + messages.map { input(of: $0) }
            inputs.append(contentsOf: storageInput())
            inputs.append(contentsOf: try engine.dictionaryInput())
            wake = nil
            let effects = try engine.process(inputs)
            mayHaveMore = inbox.finish(asked) && !asked.isEmpty
            perform(effects)
            try checkReaders()
        }
        guard let finished else { preconditionFailure("the loop ended without an outcome") }
        return finished
    }

    private func checkReaders() throws(EngineError) {
        let now = clock.read().bootNs
        guard now - readersCheckedNs >= Self.readerIntervalNs else { return }
        readersCheckedNs = now
        if let lag = try engine.checkReaders(), lag.commits >= Self.laggingCommits {
            onReaderLag?(lag)
        }
    }

    private func remainingWait() -> Int64 {
        guard let wake else { return .max }
        let now = engine.control.bootNs(at: wake) - clock.read().bootNs
        return max(now, 0)
    }

    private func input(of message: Mailbox.Message) -> Input {
        switch message {
        case .answered(let intent, let answer): .answered(intent: intent, answer)
        case .cancel(let signal):
            .fact(
                .cancelRequested(CancelRequested(signal: signal)),
                stream: engine.control.invocation?.stream ?? .none)
        }
    }

    /// The free space as a fact, when it changes how many requests may be in flight.
    private func storageInput() -> [Input] {
        guard let free = folder.freeBytes else { return [] }
        let fits = UInt16(clamping: free / bytesPerRequest)
        let wanted = engine.control.invocation?.policy.detail?.concurrency ?? Self.unboundedRequests
        let known = engine.control.inFlightAllowed
        let isEnough = fits >= wanted
        let wasEnough = known.map { Int($0) >= wanted } ?? true
        if isEnough, wasEnough { return [] }
        if fits == known { return [] }
        return [
            .fact(
                .storageMeasured(StorageMeasured(freeBytes: free, inFlightAllowed: fits)),
                stream: .none)
        ]
    }

    /// What is asked for before a run's policy is known: more than any configuration allows.
    private static let unboundedRequests = 64

    private func perform(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .send(let request):
                let mailbox = mailbox
                source.perform(request) { answer in
                    mailbox.put(.answered(intent: request.intent, answer))
                }
            case .wake(let time): wake = time
            case .finish(let completed): finished = completed
            }
        }
    }
}
