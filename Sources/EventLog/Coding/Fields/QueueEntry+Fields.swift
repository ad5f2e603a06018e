internal import SyncCore

extension QueueEntry: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var state = RecordState.unknown
        var isChange = false
        var deferrals: UInt8 = 0
        var abandons: UInt8 = 0
        var due = LogTime.zero
        var group = Position.none
        var part: UInt16 = 0
        var isSplitNext = false
        var inFlight = false
        while let field = try reader.next() {
            switch field {
            case 1: state = try reader.choice()
            case 2: isChange = try reader.bool()
            case 3: deferrals = try reader.unsigned()
            case 4: due = try reader.time()
            case 5: group = try reader.position()
            case 6: part = try reader.unsigned()
            case 7: isSplitNext = try reader.bool()
            case 8: inFlight = try reader.bool()
            case 9: abandons = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(state: state, isChange: isChange)
        self.deferrals = deferrals
        self.abandons = abandons
        self.due = due
        self.group = group
        self.part = part
        self.isSplitNext = isSplitNext
        self.inFlight = inFlight
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, state)
        writer.bool(2, isChange)
        writer.unsigned(3, deferrals)
        writer.time(4, due)
        writer.position(5, group)
        writer.unsigned(6, part)
        writer.bool(7, isSplitNext)
        writer.bool(8, inFlight)
        writer.unsigned(9, abandons)
    }
}
