internal import EventLog
internal import LMDB
internal import SyncCore

/// What the files of a store held of texts that were taken out: the texts as they are, and parts of
/// the events as they were stored, which are compressed.
struct RedactedBytes {
    private var parts: [[UInt8]] = []
    private var seen: Set<Position> = []

    /// So many bytes of a stored event are like no other's.
    private static let partBytes = 40
    /// Of an event with many texts some are looked for.
    private static let mostTexts = 4
    private static let most = 60

    /// Takes note of texts before they are taken out.
    mutating func take(_ texts: TextPlaces, _ log: EventLog) throws {
        let ordinals = Set(texts.records.map(\.ordinal))
        for position in texts.positions where seen.insert(position).inserted {
            try log.snapshot().forEachEntry(
                after: Position(position.rawValue - 1)
            ) { entry throws(EventLogError) in
                let event = try entry.event().event
                let own = zip(event.textOwners, event.bodies)
                    .filter { ordinals.contains($0.ordinal) && !$1.isEmpty }
                for (_, body) in own.prefix(Self.mostTexts) { parts.append(Array(body)) }
                takeParts(of: entry.stored)
                return false
            }
        }
    }

    /// The header of a stored event stays, and so may its fields, which come first.
    private mutating func takeParts(of value: [UInt8]) {
        for sixth in 3...6 {
            let end = value.count * sixth / 6
            guard end - Self.partBytes > value.count / 3 else { continue }
            parts.append(Array(value[(end - Self.partBytes)..<end]))
        }
    }

    mutating func add(_ other: RedactedBytes) {
        parts = (parts + other.parts).suffix(Self.most)
    }

    /// The files below a folder that hold any of it, though no event does.
    func files(in folder: String, _ log: EventLog) throws -> [String] {
        guard !parts.isEmpty else { return [] }
        var found: [String] = []
        for name in (FileSystem.names(in: folder) ?? []).sorted() {
            let path = "\(folder)/\(name)"
            if FileSystem.names(in: path) != nil {
                found += try files(in: path, log)
            } else if let contents = SecretSearch.contents(path) {
                let there = parts.filter { contents.holds($0) }
                // Other texts of the same event may be stored as they were.
                if try there.contains(where: { try !Self.isStored($0, log) }) { found.append(path) }
            }
        }
        return found
    }

    private static func isStored(_ part: [UInt8], _ log: EventLog) throws -> Bool {
        var isStored = false
        try log.snapshot().forEachEntry(after: .none) { entry in
            isStored = entry.stored.holds(part)
            return !isStored
        }
        return isStored
    }
}

extension [UInt8] {
    fileprivate func holds(_ part: [UInt8]) -> Bool {
        withUnsafeBytes { bytes in
            bytes.offset(of: part) != nil
        }
    }
}
