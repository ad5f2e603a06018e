internal import SyncCore

extension ControlState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var position = Position.none
        var time = LogTime.zero
        var apiIdentity: String?
        var clock: ClockAnchored?
        var limiter: LimiterState?
        var streams: [StreamState] = []
        var inFlight: [InFlightRequest] = []
        var invocation: InvocationState?
        var inFlightAllowed: UInt16?
        while let field = try reader.next() {
            switch field {
            case 1: position = try reader.position()
            case 2: time = try reader.time()
            case 3: apiIdentity = try reader.string()
            case 4: clock = try reader.message()
            case 5: limiter = try reader.message()
            case 6: streams.append(try reader.message())
            case 7: inFlight.append(try reader.message())
            case 8: invocation = try reader.message()
            case 9: inFlightAllowed = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init()
        self.position = position
        self.time = time
        self.apiIdentity = apiIdentity
        self.clock = clock
        self.limiter = try required(limiter, "limiter")
        self.streams = streams
        self.inFlight = inFlight
        self.invocation = invocation
        self.inFlightAllowed = inFlightAllowed
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, position)
        writer.time(2, time)
        writer.optionalString(3, apiIdentity)
        writer.message(4, clock)
        writer.message(5, limiter)
        writer.messages(6, streams)
        writer.messages(7, inFlight)
        writer.message(8, invocation)
        writer.optionalUnsigned(9, inFlightAllowed.map { UInt64($0) })
    }
}

extension LimiterState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var slots = SlotHistory()
        var cooldownUntilNs: Int64?
        var strikes: UInt32 = 0
        var lastLimitedNs: Int64?
        var cooldownAt = Position.none
        while let field = try reader.next() {
            switch field {
            case 1: slots = try reader.slots()
            case 2: cooldownUntilNs = try reader.signed()
            case 3: strikes = try reader.unsigned()
            case 4: lastLimitedNs = try reader.signed()
            case 5: cooldownAt = try reader.position()
            default: try reader.skip()
            }
        }
        self.init()
        self.slots = slots
        self.cooldownUntilNs = cooldownUntilNs
        self.strikes = strikes
        self.lastLimitedNs = lastLimitedNs
        self.cooldownAt = cooldownAt
    }

    func write(to writer: inout FieldWriter) {
        writer.slots(1, slots)
        writer.optionalSigned(2, cooldownUntilNs)
        writer.unsigned(3, strikes)
        writer.optionalSigned(4, lastLimitedNs)
        writer.position(5, cooldownAt)
    }
}

extension FloorTracker: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var startNs: Int64 = 0
        var schedule = SlotHistory()
        var lastNs: Int64 = 0
        while let field = try reader.next() {
            switch field {
            case 1: startNs = try reader.signed()
            case 2: schedule = try reader.slots()
            case 3: lastNs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(startNs: startNs, schedule: schedule, lastNs: lastNs)
    }

    func write(to writer: inout FieldWriter) {
        writer.signed(1, startNs)
        writer.slots(2, schedule)
        writer.signed(3, lastNs)
    }
}

extension InFlightRequest: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var stream = StreamID.none
        var target: RequestIntended.Target?
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: stream = StreamID(try reader.unsigned())
            case 3: target = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(intent: intent, stream: stream, target: try required(target, "target"))
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.unsigned(2, stream.rawValue)
        writer.message(3, target)
    }
}

extension FieldWriter {
    /// The first moment in zigzag form, then the distance of each to the one before it.
    fileprivate mutating func slots(_ field: Int, _ slots: SlotHistory) {
        guard var last = slots.times.first else { return }
        nested(field) { packed in
            packed.zigzag(last)
            for time in slots.times.dropFirst() {
                packed.varint(UInt64(bitPattern: time &- last))
                last = time
            }
        }
    }
}

extension FieldReader {
    fileprivate mutating func slots() throws(FieldError) -> SlotHistory {
        var packed = try nested()
        guard !packed.isAtEnd else { return SlotHistory() }
        var times = [try packed.zigzag()]
        while !packed.isAtEnd {
            let last = times[times.count - 1]
            let time = last &+ Int64(bitPattern: try packed.varint())
            guard time >= last else { throw .damaged("the slots of requests are out of order") }
            times.append(time)
        }
        return SlotHistory(times: times)
    }
}
