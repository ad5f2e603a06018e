internal import SyncCore

extension PassOpened: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var number: UInt32 = 0
        var generation: UInt32 = 0
        var mode: RunMode?
        var filter: ListFilter?
        var pinned: [PinnedKey] = []
        while let field = try reader.next() {
            switch field {
            case 1: number = try reader.unsigned()
            case 2: generation = try reader.unsigned()
            case 3: mode = try reader.choice()
            case 4: filter = try reader.message()
            case 5: pinned.append(try reader.message())
            default: try reader.skip()
            }
        }
        self.init(
            number: number, generation: generation, mode: try required(mode, "mode"),
            filter: try required(filter, "filter"), pinned: pinned)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, number)
        writer.unsigned(2, generation)
        writer.choice(3, mode)
        writer.message(4, filter)
        writer.messages(5, pinned)
    }
}

extension PassAbandoned: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var number: UInt32 = 0
        while let field = try reader.next() {
            switch field {
            case 1: number = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(number: number)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, number)
    }
}

extension PassCompleted: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var number: UInt32 = 0
        var distinct: UInt64 = 0
        var total: UInt64?
        var drift: String?
        var highWaterMark: RecordID?
        while let field = try reader.next() {
            switch field {
            case 1: number = try reader.unsigned()
            case 2: distinct = try reader.unsigned()
            case 3: total = try reader.unsigned()
            case 4: drift = try reader.string()
            case 5: highWaterMark = try reader.id()
            default: try reader.skip()
            }
        }
        self.init(
            number: number, distinct: distinct, total: total, drift: drift,
            highWaterMark: highWaterMark)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, number)
        writer.unsigned(2, distinct)
        writer.optionalUnsigned(3, total)
        writer.optionalString(4, drift)
        writer.optionalString(5, highWaterMark?.text)
    }
}
