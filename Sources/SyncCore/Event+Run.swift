/// Who asked for something: shown in the lock message and the audit.
package struct Requester: Sendable, Equatable {
    package let pid: UInt32
    package let host: String
    package let user: String
    /// The number of what it asked another process for, so that this is done once; nil where it was
    /// that process itself.
    package let request: UInt64?

    package init(pid: UInt32, host: String, user: String, request: UInt64? = nil) {
        self.pid = pid
        self.host = host
        self.user = user
        self.request = request
    }
}

/// Fact: someone asked for a run; it carries all that the decisions of the run depend on.
package struct RunRequested: Sendable, Equatable {
    package let mode: RunMode
    package let options: RunOptions
    package let policy: Policy
    /// Drawn by the shell; every jitter is a pure function of it.
    package let seed: UInt64
    /// The version of the decision rules that the engine ran.
    package let deciderVersion: UInt32
    package let requester: Requester
    /// The name of the schedule that was due; nil where a person or another program asked.
    package let schedule: String?

    package init(
        mode: RunMode, options: RunOptions, policy: Policy, seed: UInt64,
        deciderVersion: UInt32 = Decider.version, requester: Requester, schedule: String? = nil
    ) {
        self.mode = mode
        self.options = options
        self.policy = policy
        self.seed = seed
        self.deciderVersion = deciderVersion
        self.requester = requester
        self.schedule = schedule
    }
}

/// Decision: a new run begins; its policy is that of the `RunRequested` that caused it.
package struct RunStarted: Sendable, Equatable {
    package let mode: RunMode

    package init(mode: RunMode) { self.mode = mode }
}

/// Decision: an unfinished run goes on, at its pass's cursor or its queue.
package struct RunResumed: Sendable, Equatable {
    /// The run that goes on: the position of its first `RunRequested`.
    package let run: Position
    /// What that run was asked to do.
    package let mode: RunMode

    package init(run: Position, mode: RunMode) {
        self.run = run
        self.mode = mode
    }
}

/// Decision: no further request is sent; the run ends when nothing is in flight any more.
package struct RunStopping: Sendable, Equatable {
    package let reason: StopReason
    /// One clear line: what, where, what to do.
    package let text: String
    /// When it makes sense to go on, for a pause.
    package let resumeAt: LogTime?
    /// The moment that was waited for; nil where nothing was.
    package let due: LogTime?

    package init(
        reason: StopReason, text: String, resumeAt: LogTime? = nil, due: LogTime? = nil
    ) {
        self.reason = reason
        self.text = text
        self.resumeAt = resumeAt
        self.due = due
    }
}

/// Decision: the invocation is over.
package struct RunCompleted: Sendable, Equatable {
    package let outcome: RunOutcome
    package let reason: StopReason?
    package let text: String
    package let resumeAt: LogTime?
    /// What this invocation did.
    package let counters: RunCounters
    package let durationNs: Int64
    /// The soonest that the same requests could have ended under the limits.
    package let floorNs: Int64

    package init(
        outcome: RunOutcome, reason: StopReason?, text: String, resumeAt: LogTime?,
        counters: RunCounters, durationNs: Int64, floorNs: Int64
    ) {
        self.outcome = outcome
        self.reason = reason
        self.text = text
        self.resumeAt = resumeAt
        self.counters = counters
        self.durationNs = durationNs
        self.floorNs = floorNs
    }

    /// The exit code of the invocation.
    package var exitCode: Int32 { reason?.exitCode ?? 0 }
}

/// Decision: the engine of an unfinished invocation is gone; found by the next one.
package struct RunInterrupted: Sendable, Equatable {
    /// The `RunRequested` of the invocation that was cut short.
    package let invocation: Position

    package init(invocation: Position) { self.invocation = invocation }
}

/// Fact: someone asked the engine to stop.
package struct CancelRequested: Sendable, Equatable {
    /// `.sigint` or `.sigterm`.
    package let signal: StopReason
    /// Another process, which asked for it in the inbox; nil for a signal.
    package let requester: Requester?

    package init(signal: StopReason, requester: Requester? = nil) {
        self.signal = signal
        self.requester = requester
    }
}
