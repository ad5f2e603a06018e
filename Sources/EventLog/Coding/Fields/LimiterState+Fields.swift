internal import SyncCore

extension LimiterState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        self.init()
        while let field = try reader.next() {
            switch field {
            case 1: slots = try reader.message()
            case 2: cooldownUntilNs = try reader.signed()
            case 3: strikes = try reader.unsigned()
            case 4: lastLimitedNs = try reader.signed()
            case 5: cooldownAt = try reader.position()
            case 6: refused = try reader.message()
            case 7: learned.append(try reader.message())
            case 8: suspected = try reader.message()
            case 9: admittedSince = try reader.bool()
            case 10: latencyNs = try reader.signed()
            case 11: restoredNs = try reader.signed()
            default: try reader.skip()
            }
        }
    }

    func write(to writer: inout FieldWriter) {
        writer.message(1, slots)
        writer.optionalSigned(2, cooldownUntilNs)
        writer.unsigned(3, strikes)
        writer.optionalSigned(4, lastLimitedNs)
        writer.position(5, cooldownAt)
        writer.message(6, refused)
        writer.messages(7, learned)
        writer.message(8, suspected)
        writer.bool(9, admittedSince)
        writer.signed(10, latencyNs)
        writer.optionalSigned(11, restoredNs)
    }
}

extension LearnedLimit: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var window = ""
        var periodNs: Int64 = 0
        var requests: UInt32 = 0
        var ceiling: UInt32 = 0
        var position = Position.none
        var sinceNs: Int64 = 0
        var confirmations: UInt8 = 0
        var configured = Int(UInt32.max)
        while let field = try reader.next() {
            switch field {
            case 1: window = try reader.string()
            case 2: periodNs = try reader.signed()
            case 3: requests = try reader.unsigned()
            case 4: ceiling = try reader.unsigned()
            case 5: position = try reader.position()
            case 6: sinceNs = try reader.signed()
            case 7: confirmations = try reader.unsigned()
            case 8: configured = Int(try reader.signed())
            default: try reader.skip()
            }
        }
        self.init(
            window: window, periodNs: periodNs, requests: Int(requests), ceiling: Int(ceiling),
            position: position, sinceNs: sinceNs, confirmations: confirmations,
            configured: configured)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, window)
        writer.signed(2, periodNs)
        writer.unsigned(3, UInt32(clamping: requests))
        writer.unsigned(4, UInt32(clamping: ceiling))
        writer.position(5, position)
        writer.signed(6, sinceNs)
        writer.unsigned(7, confirmations)
        writer.optionalSigned(8, Int64(configured))
    }
}

extension SuspectedLimit: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var window = ""
        var requests: UInt32 = 0
        var contradictions: UInt32 = 0
        while let field = try reader.next() {
            switch field {
            case 1: window = try reader.string()
            case 2: requests = try reader.unsigned()
            case 3: contradictions = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(
            window: window, requests: Int(requests), contradictions: Int(contradictions))
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, window)
        writer.unsigned(2, UInt32(clamping: requests))
        writer.unsigned(3, UInt32(clamping: contradictions))
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
            case 2: schedule = try reader.message()
            case 3: lastNs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(startNs: startNs, schedule: schedule, lastNs: lastNs)
    }

    func write(to writer: inout FieldWriter) {
        writer.signed(1, startNs)
        writer.message(2, schedule)
        writer.signed(3, lastNs)
    }
}

/// `times` are packed: the first moment in zigzag form, then the distance of each to the one before
/// it. `buckets` are packed too, three numbers each: the oldest moment in zigzag form, the distance
/// of the newest to it, the count.
extension SlotHistory: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var times: [Int64] = []
        var buckets: [Bucket] = []
        while let field = try reader.next() {
            switch field {
            case 1: times = try reader.moments()
            case 2: buckets = try reader.buckets()
            default: try reader.skip()
            }
        }
        self.init(times: times, buckets: buckets)
    }

    func write(to writer: inout FieldWriter) {
        writer.moments(1, times)
        guard !buckets.isEmpty else { return }
        writer.nested(2) { packed in
            for bucket in buckets {
                packed.zigzag(bucket.oldest)
                packed.varint(UInt64(bitPattern: bucket.newest &- bucket.oldest))
                packed.varint(UInt64(clamping: bucket.count))
            }
        }
    }
}

extension FieldWriter {
    fileprivate mutating func moments(_ field: Int, _ times: [Int64]) {
        guard var last = times.first else { return }
        nested(field) { packed in
            packed.zigzag(last)
            for time in times.dropFirst() {
                packed.varint(UInt64(bitPattern: time &- last))
                last = time
            }
        }
    }
}

extension FieldReader {
    fileprivate mutating func moments() throws(FieldError) -> [Int64] {
        var packed = try nested()
        guard !packed.isAtEnd else { return [] }
        var times = [try packed.zigzag()]
        while !packed.isAtEnd {
            let last = times[times.count - 1]
            let time = last &+ Int64(bitPattern: try packed.varint())
            guard time >= last else { throw .damaged("the slots of requests are out of order") }
            times.append(time)
        }
        return times
    }

    fileprivate mutating func buckets() throws(FieldError) -> [SlotHistory.Bucket] {
        var packed = try nested()
        var buckets: [SlotHistory.Bucket] = []
        while !packed.isAtEnd {
            let oldest = try packed.zigzag()
            let newest = oldest &+ Int64(bitPattern: try packed.varint())
            let count = try packed.narrow(packed.varint()) as UInt32
            guard newest >= oldest else {
                throw .damaged("the slots of requests are out of order")
            }
            buckets.append(
                SlotHistory.Bucket(oldest: oldest, newest: newest, count: Int(count)))
        }
        return buckets
    }
}
