internal import SyncCore

extension InvocationState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var request = Position.none
        var stream = StreamID.none
        var options: RunOptions?
        var policy: Policy?
        var seed: UInt64 = 0
        var startedNs: Int64 = 0
        var run = Position.none
        var mode: RunMode?
        var counters: RunCounters?
        var taken: UInt64 = 0
        var stopping: RunStopping?
        var drift: String?
        var apiFailures: UInt32 = 0
        var failures: UInt32 = 0
        var backoffUntilNs: Int64?
        var floor: FloorTracker?
        var healthDone = false
        var refusedSinceNs: Int64?
        var followedPass: UInt32?
        var failureRound = Position.none
        var untoldFailures: UInt64 = 0
        var healthAsked = Position.none
        while let field = try reader.next() {
            switch field {
            case 1: request = try reader.position()
            case 2: stream = StreamID(try reader.unsigned())
            case 3: options = try reader.message()
            case 4: policy = try reader.message()
            case 5: seed = try reader.fixed64()
            case 6: startedNs = try reader.signed()
            case 7: run = try reader.position()
            case 8: mode = try reader.choice()
            case 9: counters = try reader.message()
            case 10: taken = try reader.unsigned()
            case 11: stopping = try reader.message()
            case 12: drift = try reader.string()
            case 13: apiFailures = try reader.unsigned()
            case 14: failures = try reader.unsigned()
            case 15: backoffUntilNs = try reader.signed()
            case 16: floor = try reader.message()
            case 17: healthDone = try reader.bool()
            case 18: refusedSinceNs = try reader.signed()
            case 19: followedPass = try reader.unsigned()
            case 20: failureRound = try reader.position()
            case 21: untoldFailures = try reader.unsigned()
            case 22: healthAsked = try reader.position()
            default: try reader.skip()
            }
        }
        self.init(
            request: request, stream: stream, mode: try required(mode, "mode"),
            options: try required(options, "options"), policy: try required(policy, "policy"),
            seed: seed, startedNs: startedNs, floor: try required(floor, "floor"))
        self.run = run
        self.counters = try required(counters, "counters")
        self.taken = taken
        self.stopping = stopping
        self.drift = drift
        self.apiFailures = apiFailures
        self.failures = failures
        self.backoffUntilNs = backoffUntilNs
        self.healthDone = healthDone
        self.refusedSinceNs = refusedSinceNs
        self.followedPass = followedPass
        self.failureRound = failureRound
        self.untoldFailures = untoldFailures
        self.healthAsked = healthAsked == .none ? nil : healthAsked
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, request)
        writer.unsigned(2, stream.rawValue)
        writer.message(3, options)
        writer.message(4, policy)
        writer.optionalFixed64(5, seed)
        writer.signed(6, startedNs)
        writer.position(7, run)
        writer.choice(8, mode)
        writer.message(9, counters)
        writer.unsigned(10, taken)
        writer.message(11, stopping)
        writer.optionalString(12, drift)
        writer.unsigned(13, apiFailures)
        writer.unsigned(14, failures)
        writer.optionalSigned(15, backoffUntilNs)
        writer.message(16, floor)
        writer.bool(17, healthDone)
        writer.optionalSigned(18, refusedSinceNs)
        writer.optionalUnsigned(19, followedPass.map { UInt64($0) })
        writer.position(20, failureRound)
        writer.unsigned(21, untoldFailures)
        writer.position(22, healthAsked ?? .none)
    }
}

extension RunCounters: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        self.init()
        while let field = try reader.next() {
            switch field {
            case 1: listRequests = try reader.unsigned()
            case 2: detailRequests = try reader.unsigned()
            case 3: otherRequests = try reader.unsigned()
            case 4: seen = try reader.unsigned()
            case 5: new = try reader.unsigned()
            case 6: changed = try reader.unsigned()
            case 7: unchanged = try reader.unsigned()
            case 8: detailed = try reader.unsigned()
            case 9: failed = try reader.unsigned()
            case 10: deleted = try reader.unsigned()
            case 11: rateLimited = try reader.unsigned()
            default: try reader.skip()
            }
        }
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, listRequests)
        writer.unsigned(2, detailRequests)
        writer.unsigned(3, otherRequests)
        writer.unsigned(4, seen)
        writer.unsigned(5, new)
        writer.unsigned(6, changed)
        writer.unsigned(7, unchanged)
        writer.unsigned(8, detailed)
        writer.unsigned(9, failed)
        writer.unsigned(10, deleted)
        writer.unsigned(11, rateLimited)
    }
}
