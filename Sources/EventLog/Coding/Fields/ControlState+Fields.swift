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
        var dictionaries: UInt16 = 0
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
            case 10: dictionaries = try reader.unsigned()
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
        self.dictionaries = dictionaries
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
        writer.unsigned(10, dictionaries)
    }
}

extension InFlightRequest: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var stream = StreamID.none
        var target: RequestIntended.Target?
        var sentNs: Int64 = 0
        var isAlone = false
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: stream = StreamID(try reader.unsigned())
            case 3: target = try reader.message()
            case 5: isAlone = try reader.bool()
            case 6: sentNs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(
            intent: intent, stream: stream, target: try required(target, "target"),
            sentNs: sentNs, isAlone: isAlone)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.unsigned(2, stream.rawValue)
        writer.message(3, target)
        writer.bool(5, isAlone)
        writer.signed(6, sentNs)
    }
}
