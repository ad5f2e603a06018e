internal import SyncCore

extension QueuedRecord: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var ordinal = Ordinal(0)
        var id = RecordID("")
        var was = RecordState.unknown
        while let field = try reader.next() {
            switch field {
            case 1: ordinal = try reader.ordinal()
            case 2: id = try reader.id()
            case 3: was = try reader.choice()
            default: try reader.skip()
            }
        }
        self.init(ordinal: ordinal, id: id, was: was)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, ordinal.rawValue)
        writer.string(2, id.text)
        writer.choice(3, was)
    }
}

extension DetailsRequeued: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var kind: Kind?
        var parts: [RequeuedPart] = []
        var due = LogTime.zero
        var error: RecordError?
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: kind = try reader.choice()
            case 3: parts.append(try reader.message())
            case 4: due = try reader.time()
            case 5: error = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(
            intent: intent, kind: try required(kind, "kind"), parts: parts.map(\.records), due: due,
            error: error)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.choice(2, kind)
        for part in parts { writer.message(3, RequeuedPart(records: part)) }
        writer.time(4, due)
        writer.message(5, error)
    }
}

/// The records of one group of `DetailsRequeued`.
private struct RequeuedPart: FieldCoded {
    var records: [QueuedRecord] = []

    init(records: [QueuedRecord]) { self.records = records }

    init(from reader: inout FieldReader) throws(FieldError) {
        while let field = try reader.next() {
            switch field {
            case 1: records.append(try reader.message())
            default: try reader.skip()
            }
        }
    }

    func write(to writer: inout FieldWriter) { writer.messages(1, records) }
}

extension RecordParked: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var record: QueuedRecord?
        var intent = Position.none
        var attempts: UInt16 = 0
        var error: RecordError?
        while let field = try reader.next() {
            switch field {
            case 1: record = try reader.message()
            case 2: intent = try reader.position()
            case 3: attempts = try reader.unsigned()
            case 4: error = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(
            record: try required(record, "record"), intent: intent, attempts: attempts,
            error: try required(error, "error"))
    }

    func write(to writer: inout FieldWriter) {
        writer.message(1, record)
        writer.position(2, intent)
        writer.unsigned(3, attempts)
        writer.message(4, error)
    }
}

extension QueueRetried: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var records: [QueuedRecord] = []
        var requester: Requester?
        while let field = try reader.next() {
            switch field {
            case 1: records.append(try reader.message())
            case 2: requester = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(records: records, requester: try required(requester, "requester"))
    }

    func write(to writer: inout FieldWriter) {
        writer.messages(1, records)
        writer.message(2, requester)
    }
}

extension QueueDropped: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var records: [QueuedRecord] = []
        var requester: Requester?
        while let field = try reader.next() {
            switch field {
            case 1: records.append(try reader.message())
            case 2: requester = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(records: records, requester: try required(requester, "requester"))
    }

    func write(to writer: inout FieldWriter) {
        writer.messages(1, records)
        writer.message(2, requester)
    }
}
