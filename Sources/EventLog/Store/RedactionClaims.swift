internal import LMDB
internal import SyncCore

/// What `Redacted` events say was taken out: of which event, whose texts.
struct RedactionClaims: Sendable {
    private var ordinals: [Position: Set<Ordinal>] = [:]

    var isEmpty: Bool { ordinals.isEmpty }

    mutating func add(_ redacted: Redacted) {
        let named = redacted.records.map(\.ordinal)
        for position in redacted.positions { ordinals[position, default: []].formUnion(named) }
    }

    /// Whose texts were taken out of an event; nil where none was.
    subscript(position: Position) -> Set<Ordinal>? { ordinals[position] }

    /// The events of a segment among them, ascending.
    func positions(in name: ArchiveName) -> [Position] {
        ordinals.keys.filter { name.holds($0) }.sorted()
    }
}

extension EventCoder {
    /// A stored value without what was taken out of the event.
    ///
    /// - Returns: nil where nothing of that is there.
    func redacted(
        _ claims: RedactionClaims, _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> [UInt8]? {
        guard let ordinals = claims[position] else { return nil }
        return try redacted(ordinals, position, value)
    }

    /// Whether a stored value has a text that was taken out of the event.
    func hasText(
        of claims: RedactionClaims, _ position: Position, _ value: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> Bool {
        guard let ordinals = claims[position] else { return false }
        return try texts(position, value).contains {
            $0.isThere && ordinals.contains($0.record.ordinal)
        }
    }
}

/// What a cursor shows of segments that a redaction has not come to yet: nothing of what it takes
/// out. So there is no moment at which the log says one thing and its archive has another.
///
/// What it lends stays valid as long as it; used on one thread.
final class RedactionMask {
    private let claims: RedactionClaims
    private let coder: EventCoder
    private var values: [Position: UnsafeMutableRawBufferPointer] = [:]

    init(_ claims: RedactionClaims, _ dictionaries: DictionaryShelf?) {
        self.claims = claims
        coder = EventCoder(dictionaries)
    }

    deinit { for value in values.values { value.deallocate() } }

    /// A value as it will be once it is cleaned.
    func masked(_ key: LentBytes, _ value: LentBytes) -> LentBytes {
        guard let position = StoreKeys.position(of: key), claims[position] != nil else {
            return value
        }
        if let known = values[position] { return UnsafeRawBufferPointer(known) }
        // One that is damaged is told by whoever reads it.
        guard let redacted = try? coder.redacted(claims, position, value) else { return value }
        let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: redacted.count, alignment: 8)
        kept.copyBytes(from: redacted)
        values[position] = kept
        return UnsafeRawBufferPointer(kept)
    }
}

extension UnfinishedRedaction {
    /// What the redactions say, of which the log itself has all events.
    func claims(
        _ transaction: borrowing ReadTransaction, _ events: Database, _ coder: EventCoder
    ) throws(LMDBError) -> RedactionClaims {
        var claims = RedactionClaims()
        var cursor = try transaction.cursor(events)
        var isThere = try cursor.seek(StoreKeys.position(first))
        while isThere {
            let goesOn = cursor.read { key, value in
                guard let position = StoreKeys.position(of: key), position <= newest else {
                    return false
                }
                if let header = try? EventHeader(value), header.type == .redacted,
                    let logged = try? coder.decode(position, value, bodies: .none),
                    case .redacted(let redacted) = logged.event
                {
                    claims.add(redacted)
                }
                return true
            }
            guard goesOn else { return claims }
            isThere = try cursor.next()
        }
        return claims
    }
}
