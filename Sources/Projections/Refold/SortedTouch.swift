internal import EventLog
internal import Records
internal import SyncCore

/// What an event does to a record, with the columns' values in place of its text: what the fold of
/// a row needs, without the event.
struct SortedTouch {
    let ordinal: Ordinal
    let position: Position
    let time: LogTime
    let touch: RowTouch
    /// Of the header or of the detail; nil for a text that was redacted, and for touches without
    /// one.
    let values: [ColumnValue?]?

    /// Whether it brings a text, and so may change the values of columns.
    var bringsText: Bool {
        switch touch {
        case .listed: true
        case .detail(let result): if case .changed = result.outcome { true } else { false }
        case .asked, .requeued, .abandoned, .parked, .retried, .dropped, .redacted: false
        }
    }
}

/// Stored as ordinal, position and time, the first and the last as differences from what the reader
/// knows too, a kind (1 byte), and what that has.
struct SortedTouchCoder {
    private enum Kind: UInt8 {
        case listed = 1
        case asked = 2
        case changed = 3
        case same = 4
        case absent = 5
        case failed = 6
        case requeued = 7
        case abandoned = 8
        case parked = 9
        case retried = 10
        case dropped = 11
        case redacted = 12
    }

    let columns: Int
    /// What times are differences from.
    let firstTime: LogTime

    // MARK: Writing

    /// - Parameter first: what ordinals are differences from.
    func append(_ sorted: SortedTouch, from first: Ordinal, to bytes: inout [UInt8]) {
        bytes.append(varint: UInt64(sorted.ordinal.rawValue - first.rawValue))
        bytes.append(varint: sorted.position.rawValue)
        bytes.append(zigzag: sorted.time.rawValue &- firstTime.rawValue)
        switch sorted.touch {
        case .listed(let entry, let generation):
            bytes.append(Kind.listed.rawValue)
            ColumnValuesCoder.append(text: entry.id.text.utf8, to: &bytes)
            append(entry.fingerprint, to: &bytes)
            bytes.append(varint: UInt64(generation))
            ColumnValuesCoder.append(sorted.values, to: &bytes)
        case .asked: bytes.append(Kind.asked.rawValue)
        case .detail(let result): append(result, sorted.values, to: &bytes)
        case .requeued(_, let event, let part):
            bytes.append(Kind.requeued.rawValue)
            bytes.append(event.kind.rawValue)
            bytes.append(varint: event.intent.rawValue)
            bytes.append(varint: UInt64(part))
            bytes.append(zigzag: event.due.rawValue)
            bytes.append(event.error == nil ? 0 : 1)
            if let error = event.error { append(error, to: &bytes) }
        case .abandoned: bytes.append(Kind.abandoned.rawValue)
        case .parked(let event):
            bytes.append(Kind.parked.rawValue)
            bytes.append(varint: UInt64(event.attempts))
            append(event.error, to: &bytes)
        case .retried: bytes.append(Kind.retried.rawValue)
        case .dropped: bytes.append(Kind.dropped.rawValue)
        case .redacted: bytes.append(Kind.redacted.rawValue)
        }
    }

    private func append(
        _ result: DetailsFetched.Result, _ values: [ColumnValue?]?, to bytes: inout [UInt8]
    ) {
        switch result.outcome {
        case .changed(let fingerprint, _):
            bytes.append(Kind.changed.rawValue)
            append(fingerprint, to: &bytes)
            ColumnValuesCoder.append(values, to: &bytes)
        case .same: bytes.append(Kind.same.rawValue)
        case .absent: bytes.append(Kind.absent.rawValue)
        case .failed(let error):
            bytes.append(Kind.failed.rawValue)
            append(error, to: &bytes)
        }
    }

    private func append(_ fingerprint: Fingerprint, to bytes: inout [UInt8]) {
        bytes.append(bigEndian: fingerprint.high)
        bytes.append(bigEndian: fingerprint.low)
    }

    private func append(_ error: RecordError, to bytes: inout [UInt8]) {
        ColumnValuesCoder.append(text: error.code.utf8, to: &bytes)
        ColumnValuesCoder.append(text: error.text.utf8, to: &bytes)
    }

    // MARK: Reading

    /// The touch that comes next; nil for what no writer makes.
    func next(
        _ reader: inout ColumnValuesCoder.Reader, from first: Ordinal
    ) -> SortedTouch? {
        guard let ordinal = reader.varint().flatMap({ UInt32(exactly: $0) }),
            let position = reader.varint(), let time = reader.zigzag(),
            let kind = reader.byte().flatMap({ Kind(rawValue: $0) })
        else { return nil }
        let own = Ordinal(first.rawValue &+ ordinal)
        guard let (touch, values) = touch(kind, own, &reader) else { return nil }
        return SortedTouch(
            ordinal: own, position: Position(position),
            time: LogTime(nanoseconds: firstTime.rawValue &+ time), touch: touch,
            values: values?.list)
    }

    private typealias Parts = (touch: RowTouch, values: ColumnValuesCoder.Values?)

    private func touch(
        _ kind: Kind, _ ordinal: Ordinal, _ reader: inout ColumnValuesCoder.Reader
    ) -> Parts? {
        switch kind {
        case .listed: return listed(ordinal, &reader)
        case .asked:
            return (.asked(RequestIntended.Asked(ordinal: ordinal, id: Self.unnamed)), nil)
        case .changed:
            guard let fingerprint = fingerprint(&reader), let values = reader.values(columns)
            else { return nil }
            return (detail(ordinal, .changed(fingerprint: fingerprint, body: [])), values)
        case .same: return (detail(ordinal, .same), nil)
        case .absent: return (detail(ordinal, .absent), nil)
        case .failed:
            return error(&reader).map { (detail(ordinal, .failed($0)), nil) }
        case .requeued: return requeued(ordinal, &reader)
        case .abandoned: return (.abandoned, nil)
        case .parked:
            guard let attempts = reader.varint().flatMap({ UInt16(exactly: $0) }),
                let error = error(&reader)
            else { return nil }
            return (
                .parked(
                    RecordParked(
                        record: Self.queued(ordinal), intent: .none, attempts: attempts,
                        error: error)), nil
            )
        case .retried: return (.retried, nil)
        case .dropped: return (.dropped, nil)
        case .redacted: return (.redacted, nil)
        }
    }

    /// Names and states before are told by the row.
    private static let unnamed = RecordID("")

    private static func queued(_ ordinal: Ordinal) -> QueuedRecord {
        QueuedRecord(ordinal: ordinal, id: unnamed, was: .unknown)
    }

    private func listed(
        _ ordinal: Ordinal, _ reader: inout ColumnValuesCoder.Reader
    ) -> Parts? {
        guard let id = reader.string(), let fingerprint = fingerprint(&reader),
            let generation = reader.varint().flatMap({ UInt32(exactly: $0) }),
            let values = reader.values(columns)
        else { return nil }
        let entry = PageFetched.Entry(
            ordinal: ordinal, id: RecordID(id), was: .unknown, fingerprint: fingerprint, body: [])
        return (.listed(entry, generation: generation), values)
    }

    private func detail(_ ordinal: Ordinal, _ outcome: DetailsFetched.Outcome) -> RowTouch {
        .detail(
            DetailsFetched.Result(
                ordinal: ordinal, id: Self.unnamed, was: .unknown, outcome: outcome))
    }

    private func requeued(
        _ ordinal: Ordinal, _ reader: inout ColumnValuesCoder.Reader
    ) -> Parts? {
        guard let kind = reader.byte().flatMap({ DetailsRequeued.Kind(rawValue: $0) }),
            let intent = reader.varint(), let part = reader.varint().flatMap({ Int(exactly: $0) }),
            let due = reader.zigzag(), let hasError = reader.byte()
        else { return nil }
        var error: RecordError?
        if hasError == 1 {
            guard let found = self.error(&reader) else { return nil }
            error = found
        }
        let event = DetailsRequeued(
            intent: Position(intent), kind: kind, parts: [], due: LogTime(nanoseconds: due),
            error: error)
        return (.requeued(Self.queued(ordinal), event, part: part), nil)
    }

    private func fingerprint(_ reader: inout ColumnValuesCoder.Reader) -> Fingerprint? {
        guard let high = reader.number(), let low = reader.number() else { return nil }
        return Fingerprint(high: high, low: low)
    }

    private func error(_ reader: inout ColumnValuesCoder.Reader) -> RecordError? {
        guard let code = reader.string(), let text = reader.string() else { return nil }
        return RecordError(code: code, text: text)
    }
}

extension [UInt8] {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(zigzag value: Int64) {
        append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }
}
