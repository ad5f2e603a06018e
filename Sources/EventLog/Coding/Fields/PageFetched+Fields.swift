internal import SyncCore

// A page lists up to thousands of records, so its lists are stored by column: ordinals that follow
// each other are bytes of zero, and a page without news costs a few bytes.
extension PageFetched {
    /// The records with their texts, by column.
    private struct Columns {
        var ordinals: [Ordinal] = []
        var ids: [RecordID] = []
        var states: UnsafeRawBufferPointer?
        var fingerprints = UnsafeRawBufferPointer(start: nil, count: 0)
        var lengths: [Int] = []

        /// The entries, each with its text; columns of different lengths are damage.
        func entries(_ bodies: BodyLoader) throws(FieldError) -> [Entry] {
            let count = ordinals.count
            guard ids.count == count, lengths.count == count, fingerprints.count == 16 * count,
                states.map({ $0.count == count }) ?? true
            else { throw .damaged("its lists of records are not of the same length") }
            let texts = try bodies.load(lengths)
            var entries: [Entry] = []
            entries.reserveCapacity(count)
            for index in 0..<count {
                let fingerprint = Fingerprint(
                    raw: UnsafeRawBufferPointer(
                        rebasing: fingerprints[(16 * index)..<(16 * index + 16)]))
                entries.append(
                    Entry(
                        ordinal: ordinals[index], id: ids[index], was: try state(index),
                        fingerprint: fingerprint, body: texts[index]))
            }
            return entries
        }

        private func state(_ index: Int) throws(FieldError) -> RecordState {
            guard let states else { return .unknown }
            guard let state = RecordState(rawValue: states[index]) else {
                throw .newer("RecordState \(states[index])")
            }
            return state
        }
    }

    init(from reader: inout FieldReader, bodies: BodyLoader) throws(FieldError) {
        var intent = Position.none
        var exchange: Exchange?
        var pass: UInt32 = 0
        var generation: UInt32 = 0
        var cursor: PageCursor?
        var total: UInt64?
        var rows: UInt32 = 0
        var taken: UInt32 = 0
        var partlyTaken = false
        var firstSeen: UInt32 = 0
        var digest: UInt64 = 0
        var idOrder: IDOrder?
        var highest: RecordID?
        var columns = Columns()
        var unchanged: [OrdinalRun] = []
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: exchange = try reader.message()
            case 3: pass = try reader.unsigned()
            case 4: generation = try reader.unsigned()
            case 5: cursor = try reader.message()
            case 6: total = try reader.unsigned()
            case 7: rows = try reader.unsigned()
            case 8: taken = try reader.unsigned()
            case 9: partlyTaken = try reader.bool()
            case 10: firstSeen = try reader.unsigned()
            case 11: digest = try reader.fixed64()
            case 12: idOrder = try reader.choice()
            case 13: highest = try reader.id()
            case 14: columns.ordinals = try Self.ordinals(reader.nested())
            case 15: columns.ids.append(try reader.id())
            case 16: columns.states = try reader.rawData()
            case 17: columns.fingerprints = try reader.rawData()
            case 18: columns.lengths = try Self.lengths(reader.nested())
            case 19: unchanged = try Self.runs(reader.nested())
            default: try reader.skip()
            }
        }
        self.init(
            intent: intent, exchange: try required(exchange, "exchange"), pass: pass,
            generation: generation, next: cursor, total: total, rows: rows, taken: taken,
            partlyTaken: partlyTaken, firstSeen: firstSeen, digest: digest, idOrder: idOrder,
            highest: highest, entries: try columns.entries(bodies), unchanged: unchanged)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.message(2, exchange)
        writer.unsigned(3, pass)
        writer.unsigned(4, generation)
        writer.message(5, next)
        writer.optionalUnsigned(6, total)
        writer.unsigned(7, rows)
        writer.unsigned(8, taken)
        writer.bool(9, partlyTaken)
        writer.unsigned(10, firstSeen)
        writer.optionalFixed64(11, digest)
        writer.choice(12, idOrder)
        writer.optionalString(13, highest?.text)
        if !entries.isEmpty { writeEntries(to: &writer) }
        if !unchanged.isEmpty { writer.nested(19) { writeUnchanged(to: &$0) } }
    }

    private func writeEntries(to writer: inout FieldWriter) {
        writer.nested(14) { packed in
            var expected: Int64 = 0
            for entry in entries {
                packed.zigzag(Int64(entry.ordinal.rawValue) - expected)
                expected = Int64(entry.ordinal.rawValue) + 1
            }
        }
        for entry in entries { writer.optionalString(15, entry.id.text) }
        if entries.contains(where: { $0.was != .unknown }) {
            writer.nested(16) { packed in
                for entry in entries { packed.bytes.append(entry.was.rawValue) }
            }
        }
        writer.nested(17) { packed in
            for entry in entries { packed.raw(entry.fingerprint) }
        }
        writer.nested(18) { packed in
            for entry in entries { packed.varint(UInt64(entry.body.count)) }
        }
    }

    /// For each run the distance of its first ordinal to the end of the run before, and its count.
    private func writeUnchanged(to packed: inout FieldWriter) {
        var expected: Int64 = 0
        for run in unchanged {
            packed.zigzag(Int64(run.first.rawValue) - expected)
            packed.varint(UInt64(run.count))
            expected = Int64(run.first.rawValue) + Int64(run.count)
        }
    }

    private static func ordinals(_ content: FieldReader) throws(FieldError) -> [Ordinal] {
        var packed = content
        var ordinals: [Ordinal] = []
        var expected: Int64 = 0
        while !packed.isAtEnd {
            let ordinal = try Self.ordinal(after: expected, by: packed.zigzag())
            ordinals.append(ordinal)
            expected = Int64(ordinal.rawValue) + 1
        }
        return ordinals
    }

    private static func runs(_ content: FieldReader) throws(FieldError) -> [OrdinalRun] {
        var packed = content
        var runs: [OrdinalRun] = []
        var expected: Int64 = 0
        while !packed.isAtEnd {
            let first = try Self.ordinal(after: expected, by: packed.zigzag())
            let count = try packed.varint()
            guard count <= UInt64(UInt32.max - first.rawValue) else {
                throw .damaged("a run of ordinals goes too far")
            }
            runs.append(OrdinalRun(first: first, count: UInt32(count)))
            expected = Int64(first.rawValue) + Int64(count)
        }
        return runs
    }

    private static func ordinal(
        after expected: Int64, by distance: Int64
    ) throws(FieldError) -> Ordinal {
        let (sum, overflow) = expected.addingReportingOverflow(distance)
        guard !overflow, let ordinal = UInt32(exactly: sum) else {
            throw .damaged("an ordinal can't be")
        }
        return Ordinal(ordinal)
    }

    private static func lengths(_ content: FieldReader) throws(FieldError) -> [Int] {
        var packed = content
        var lengths: [Int] = []
        while !packed.isAtEnd { lengths.append(try packed.bodyLength()) }
        return lengths
    }

    /// Only the lengths of the texts.
    static func bodyLengths(from reader: inout FieldReader) throws(FieldError) -> [Int] {
        var found: [Int] = []
        while let field = try reader.next() {
            if field == 18 { found = try lengths(reader.nested()) } else { try reader.skip() }
        }
        return found
    }
}

extension FieldReader {
    /// A text's length, which no store can hold when it is over the limit.
    mutating func bodyLength() throws(FieldError) -> Int {
        let length = try varint()
        guard length <= UInt64(CodingLimits.blockBytes) else {
            throw .damaged("a record claims a size that can't be")
        }
        return Int(length)
    }
}
