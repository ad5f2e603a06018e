import EventLog
import SyncCore
import Testing

/// An event as it is stored, with ways to tamper with it.
struct StoredValue {
    var position: Position
    var bytes: [UInt8]

    init(_ event: LoggedEvent, _ coder: EventCoder = EventCoder()) throws {
        position = event.position
        bytes = []
        try coder.encode(event, into: &bytes)
    }

    /// Makes size and checksum right again, as someone would who means to deceive.
    mutating func reseal() {
        guard bytes.count >= EventHeader.byteCount else { return }
        let length = UInt32(bytes.count - EventHeader.byteCount)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: length.littleEndian, toByteOffset: 12, as: UInt32.self)
            let checksum = EventHeader.checksum(
                of: UnsafeRawBufferPointer(raw), position: position)
            raw.storeBytes(of: checksum.littleEndian, as: UInt64.self)
        }
    }

    func decode(
        _ coder: EventCoder = EventCoder(), bodies: EventCoder.Bodies = .all
    ) throws -> LoggedEvent {
        try bytes.withUnsafeBytes { try coder.decode(position, $0, bodies: bodies) }
    }

    func verify(_ coder: EventCoder = EventCoder()) throws {
        try bytes.withUnsafeBytes { _ = try coder.verify(position, $0) }
    }

    func header() throws -> EventHeader { try bytes.withUnsafeBytes { try EventHeader($0) } }

    /// The error that decoding ends with; nil when it succeeds.
    func failure(_ coder: EventCoder = EventCoder()) -> EventCodingError? {
        bytes.withUnsafeBytes { raw in
            do throws(EventCodingError) {
                _ = try coder.decode(position, raw, bodies: .all)
                return nil
            } catch { return error }
        }
    }
}

extension Event {
    /// The event without the texts of its records, as it is decoded when they aren't wanted.
    var withoutBodies: Event {
        switch self {
        case .pageFetched(let page):
            .pageFetched(
                PageFetched(
                    intent: page.intent, exchange: page.exchange, pass: page.pass,
                    generation: page.generation, next: page.next, total: page.total,
                    rows: page.rows, taken: page.taken, partlyTaken: page.partlyTaken,
                    firstSeen: page.firstSeen, digest: page.digest, idOrder: page.idOrder,
                    highest: page.highest,
                    entries: page.entries.map {
                        PageFetched.Entry(
                            ordinal: $0.ordinal, id: $0.id, was: $0.was,
                            fingerprint: $0.fingerprint, body: [])
                    }, unchanged: page.unchanged))
        case .detailsFetched(let details):
            .detailsFetched(
                DetailsFetched(
                    intent: details.intent, exchange: details.exchange,
                    results: details.results.map { result in
                        guard case .changed(let fingerprint, _) = result.outcome else {
                            return result
                        }
                        return DetailsFetched.Result(
                            ordinal: result.ordinal, id: result.id, was: result.was,
                            outcome: .changed(fingerprint: fingerprint, body: []))
                    }))
        default: self
        }
    }

    /// The texts of its records, in the order of the log.
    var texts: [ArraySlice<UInt8>] {
        switch self {
        case .pageFetched(let page): page.entries.map(\.body)
        case .detailsFetched(let details):
            details.results.compactMap {
                if case .changed(_, let body) = $0.outcome { body } else { nil }
            }
        default: []
        }
    }
}

/// A page of records as a sync meets it.
func page(
    entries count: Int, bodyBytes: Int, unchanged: [OrdinalRun] = [], seed: UInt64 = 1
) -> PageFetched {
    var generator = ValueGenerator(seed: seed)
    var entries: [PageFetched.Entry] = []
    for index in 0..<count {
        let body = (0..<bodyBytes).map { UInt8(60 + $0 &* index % 23) }
        entries.append(
            PageFetched.Entry(
                ordinal: Ordinal(UInt32(index)), id: RecordID(String(100_000 + index)),
                was: .unknown, fingerprint: generator.fingerprint(), body: body[...]))
    }
    return PageFetched(
        intent: Position(8), exchange: Exchange(status: 200), pass: 1, generation: 1,
        next: PageCursor(bytes: [50], display: "page 2"), total: 100_000, rows: 1_000,
        taken: 1_000, partlyTaken: false, firstSeen: 1_000, digest: generator.next(),
        idOrder: .numeric, highest: RecordID("101000"), entries: entries, unchanged: unchanged)
}

func logged(_ event: Event, at position: UInt64 = 9) -> LoggedEvent {
    LoggedEvent(
        position: Position(position), time: LogTime(nanoseconds: 1_795_482_123_123_456_789),
        stream: StreamID(1), run: Position(4), cause: Position(position - 1), startsStep: true,
        event: event)
}
