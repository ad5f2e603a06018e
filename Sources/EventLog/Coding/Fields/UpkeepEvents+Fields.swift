internal import SyncCore

extension Redacted: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var records: [RequestIntended.Asked] = []
        var positions: [Position] = []
        var reason = ""
        var requester: Requester?
        while let field = try reader.next() {
            switch field {
            case 1: records.append(try reader.message())
            case 2: positions = try reader.positions()
            case 3: reason = try reader.string()
            case 4: requester = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(
            records: records, positions: positions, reason: reason,
            requester: try required(requester, "requester"))
    }

    func write(to writer: inout FieldWriter) {
        writer.messages(1, records)
        writer.positions(2, positions)
        writer.string(3, reason)
        writer.message(4, requester)
    }
}

extension LogCompacted: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var last = Position.none
        var head: [UInt8] = []
        var archive = ""
        var requester: Requester?
        while let field = try reader.next() {
            switch field {
            case 1: last = try reader.position()
            case 2: head = try reader.data()
            case 3: archive = try reader.string()
            case 4: requester = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(
            last: last, head: head, archive: archive,
            requester: try required(requester, "requester"))
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, last)
        writer.data(2, head)
        writer.string(3, archive)
        writer.message(4, requester)
    }
}

extension DictionaryTrained: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var number: UInt16 = 0
        var code: UInt16 = 0
        var bytes: [UInt8] = []
        while let field = try reader.next() {
            switch field {
            case 1: number = try reader.unsigned()
            case 2: code = try reader.unsigned()
            case 3: bytes = try reader.data()
            default: try reader.skip()
            }
        }
        guard let type = EventType(rawValue: code) else {
            throw .newer("a dictionary for events of type \(code)")
        }
        self.init(number: number, type: type, bytes: bytes)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, number)
        writer.unsigned(2, type.rawValue)
        writer.data(3, bytes)
    }
}

/// Positions are packed: each less the one before, which is 0 for the first.
extension FieldWriter {
    fileprivate mutating func positions(_ field: Int, _ positions: [Position]) {
        guard !positions.isEmpty else { return }
        nested(field) { packed in
            var last: UInt64 = 0
            for position in positions {
                packed.varint(position.rawValue &- last)
                last = position.rawValue
            }
        }
    }
}

extension FieldReader {
    fileprivate mutating func positions() throws(FieldError) -> [Position] {
        var packed = try nested()
        var positions: [Position] = []
        var last: UInt64 = 0
        while !packed.isAtEnd {
            last &+= try packed.varint()
            positions.append(Position(last))
        }
        return positions
    }
}
