internal import SyncCore

extension Requester: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var pid: UInt32 = 0
        var host = ""
        var user = ""
        var request: UInt64?
        while let field = try reader.next() {
            switch field {
            case 1: pid = try reader.unsigned()
            case 2: host = try reader.string()
            case 3: user = try reader.string()
            case 4: request = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(pid: pid, host: host, user: user, request: request)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, pid)
        writer.string(2, host)
        writer.string(3, user)
        writer.optionalUnsigned(4, request)
    }
}

extension RunOptions: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var noDetails = false
        var maxRecords: UInt64?
        var maxDurationMs: Int64?
        var patienceMs: Int64 = 0
        var abandon = false
        var forgetLimits = false
        while let field = try reader.next() {
            switch field {
            case 1: noDetails = try reader.bool()
            case 2: maxRecords = try reader.unsigned()
            case 3: maxDurationMs = try reader.signed()
            case 4: patienceMs = try reader.signed()
            case 5: abandon = try reader.bool()
            case 6: forgetLimits = try reader.bool()
            default: try reader.skip()
            }
        }
        self.init(
            noDetails: noDetails, maxRecords: maxRecords, maxDurationMs: maxDurationMs,
            patienceMs: patienceMs, abandon: abandon, forgetLimits: forgetLimits)
    }

    func write(to writer: inout FieldWriter) {
        writer.bool(1, noDetails)
        writer.optionalUnsigned(2, maxRecords)
        writer.optionalSigned(3, maxDurationMs)
        writer.signed(4, patienceMs)
        writer.bool(5, abandon)
        writer.bool(6, forgetLimits)
    }
}

extension RunRequested: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var mode: RunMode?
        var options: RunOptions?
        var policy: Policy?
        var seed: UInt64 = 0
        var deciderVersion: UInt32 = 0
        var requester: Requester?
        var schedule: String?
        while let field = try reader.next() {
            switch field {
            case 1: mode = try reader.choice()
            case 2: options = try reader.message()
            case 3: policy = try reader.message()
            case 4: seed = try reader.fixed64()
            case 5: deciderVersion = try reader.unsigned()
            case 6: requester = try reader.message()
            case 7: schedule = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(
            mode: try required(mode, "mode"), options: try required(options, "options"),
            policy: try required(policy, "policy"), seed: seed, deciderVersion: deciderVersion,
            requester: try required(requester, "requester"), schedule: schedule)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, mode)
        writer.message(2, options)
        writer.message(3, policy)
        writer.optionalFixed64(4, seed)
        writer.unsigned(5, deciderVersion)
        writer.message(6, requester)
        writer.optionalString(7, schedule)
    }
}

extension RunStarted: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var mode: RunMode?
        while let field = try reader.next() {
            switch field {
            case 1: mode = try reader.choice()
            default: try reader.skip()
            }
        }
        self.init(mode: try required(mode, "mode"))
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, mode)
    }
}

extension RunResumed: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var run = Position.none
        var mode: RunMode?
        while let field = try reader.next() {
            switch field {
            case 1: run = try reader.position()
            case 2: mode = try reader.choice()
            default: try reader.skip()
            }
        }
        self.init(run: run, mode: try required(mode, "mode"))
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, run)
        writer.choice(2, mode)
    }
}

extension RunStopping: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var reason: StopReason?
        var text = ""
        var resumeAt: LogTime?
        var due: LogTime?
        while let field = try reader.next() {
            switch field {
            case 1: reason = try reader.choice()
            case 2: text = try reader.string()
            case 3: resumeAt = try reader.time()
            case 4: due = try reader.time()
            default: try reader.skip()
            }
        }
        self.init(
            reason: try required(reason, "reason"), text: text, resumeAt: resumeAt, due: due)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, reason)
        writer.string(2, text)
        writer.optionalTime(3, resumeAt)
        writer.optionalTime(4, due)
    }
}

extension RunCompleted: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var outcome: RunOutcome?
        var reason: StopReason?
        var text = ""
        var resumeAt: LogTime?
        var counters: RunCounters?
        var durationNs: Int64 = 0
        var floorNs: Int64 = 0
        while let field = try reader.next() {
            switch field {
            case 1: outcome = try reader.choice()
            case 2: reason = try reader.choice()
            case 3: text = try reader.string()
            case 4: resumeAt = try reader.time()
            case 5: counters = try reader.message()
            case 6: durationNs = try reader.signed()
            case 7: floorNs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(
            outcome: try required(outcome, "outcome"), reason: reason, text: text,
            resumeAt: resumeAt, counters: try required(counters, "counters"),
            durationNs: durationNs, floorNs: floorNs)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, outcome)
        writer.choice(2, reason)
        writer.string(3, text)
        writer.optionalTime(4, resumeAt)
        writer.message(5, counters)
        writer.signed(6, durationNs)
        writer.signed(7, floorNs)
    }
}

extension RunInterrupted: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var invocation = Position.none
        while let field = try reader.next() {
            switch field {
            case 1: invocation = try reader.position()
            default: try reader.skip()
            }
        }
        self.init(invocation: invocation)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, invocation)
    }
}

extension CancelRequested: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var signal: StopReason?
        var requester: Requester?
        while let field = try reader.next() {
            switch field {
            case 1: signal = try reader.choice()
            case 2: requester = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(signal: try required(signal, "signal"), requester: requester)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, signal)
        writer.message(2, requester)
    }
}
