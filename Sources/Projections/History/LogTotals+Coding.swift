internal import EventLog
internal import SyncCore

/// Stored as a field for each kind of sum, in which numbers follow each other: first what it is
/// about, then how much, in an order that depends on nothing else.
extension LogTotals {
    var encoded: [UInt8] {
        var writer = FieldWriter()
        Self.write(1, answers, &writer) {
            [$0.stream.code, UInt64($0.endpoint.rawValue), $0.status.map { UInt64($0) + 1 } ?? 0]
        } _: {
            [$0]
        }
        Self.write(2, durations, &writer) {
            [$0.stream.code, UInt64($0.endpoint.rawValue)]
        } _: {
            $0.counts + [$0.sumUs]
        }
        Self.write(3, waitNs, &writer) {
            [UInt64($0.rawValue)]
        } _: {
            [UInt64($0)]
        }
        Self.write(4, records, &writer) {
            [$0.code]
        } _: {
            [$0.headers, $0.details]
        }
        Self.write(5, runs, &writer) {
            [$0.stream.code, UInt64($0.mode.rawValue), UInt64($0.outcome.rawValue)]
        } _: {
            [$0]
        }
        Self.write(6, successes, &writer) {
            [$0.stream.code, UInt64($0.mode.rawValue)]
        } _: {
            [UInt64(bitPattern: $0.rawValue)]
        }
        return writer.bytes
    }

    private static func write<Key, Value>(
        _ field: Int, _ sums: [Key: Value], _ writer: inout FieldWriter,
        _ key: (Key) -> [UInt64], _ value: (Value) -> [UInt64]
    ) {
        let entries = sums.map { (key($0.key), value($0.value)) }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }
        writer.nested(field) { content in
            for number in entries.flatMap({ $0.0 + $0.1 }) { content.varint(number) }
        }
    }

    init(_ reader: inout FieldReader) throws(FieldError) {
        self.init()
        while let field = try reader.next() {
            guard (1...6).contains(field) else {
                try reader.skip()
                continue
            }
            var content = try reader.nested()
            while !content.isAtEnd { try take(field, &content) }
        }
    }

    private mutating func take(_ field: Int, _ reader: inout FieldReader) throws(FieldError) {
        switch field {
        case 1:
            let (stream, endpoint) = (try reader.stream(), try reader.known(Endpoint.self))
            let status: UInt32 = try reader.narrow(try reader.varint())
            let answer = Answer(
                stream: stream, endpoint: endpoint,
                status: status == 0 ? nil : UInt16(truncatingIfNeeded: status - 1))
            answers[answer] = try reader.varint()
        case 2:
            let call = Call(stream: try reader.stream(), endpoint: try reader.known(Endpoint.self))
            var counts: [UInt64] = []
            for _ in 0...DurationHistogram.boundsMs.count { counts.append(try reader.varint()) }
            durations[call] = DurationHistogram(counts: counts, sumUs: try reader.varint())
        case 3: waitNs[try reader.known(WaitReason.self)] = Int64(clamping: try reader.varint())
        case 4:
            records[try reader.stream()] = Records(
                headers: try reader.varint(), details: try reader.varint())
        case 5:
            let run = Run(
                stream: try reader.stream(), mode: try reader.known(RunMode.self),
                outcome: try reader.known(RunOutcome.self))
            runs[run] = try reader.varint()
        default:
            let sync = Sync(stream: try reader.stream(), mode: try reader.known(RunMode.self))
            successes[sync] = LogTime(nanoseconds: Int64(bitPattern: try reader.varint()))
        }
    }
}

extension StreamID {
    fileprivate var code: UInt64 { UInt64(rawValue) }
}

extension FieldReader {
    fileprivate mutating func stream() throws(FieldError) -> StreamID {
        StreamID(try narrow(try varint()))
    }

    /// - Throws: `.newer` for a number that this version has no case for.
    fileprivate mutating func known<Value: RawRepresentable<UInt8>>(
        _ type: Value.Type
    ) throws(FieldError) -> Value {
        guard let value = Value(rawValue: try narrow(try varint())) else {
            throw .newer("a kind of a sum")
        }
        return value
    }
}
