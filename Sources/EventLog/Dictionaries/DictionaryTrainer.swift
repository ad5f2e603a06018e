internal import CZstd
internal import LMDB
package import SyncCore

/// Makes compression dictionaries of the texts that a log has.
///
/// A dictionary is what texts of one kind have in common, and holds nothing that only few records
/// have (docs/design/0014-dictionaries.md).
package enum DictionaryTrainer {
    /// The types that it is worth it for: those that have texts of records.
    package static let types: [EventType] = [.detailsFetched, .pageFetched]
    /// So many bytes of texts are learned from, one text a record; with fewer there is no
    /// dictionary yet.
    package static let sampleBytes = 1 << 20
    /// The size of a dictionary: twice as much gains nothing.
    static let dictionaryBytes = 32 << 10
    private static let leastBytes = 1 << 10
    /// It doesn't look further back in the log, and not at more texts of records that it has texts
    /// of: a start may come here each time.
    private static let mostEntries = 1 << 14
    private static let mostTexts = 4

    /// Trains a dictionary for the events of a type.
    ///
    /// - Parameter sampleBytes: how many bytes of texts there must be.
    /// - Returns: nil where there is too little to learn from.
    package static func train(
        _ type: EventType, _ snapshot: borrowing LogSnapshot, number: UInt16,
        sampleBytes: Int = Self.sampleBytes
    ) throws(EventLogError) -> DictionaryTrained? {
        guard let texts = try texts(of: type, snapshot, sampleBytes) else { return nil }
        let tokens = CommonTokens(of: texts)
        let samples = texts.map(tokens.common)
        var lengths = samples.map(\.count)
        let all = Array(samples.joined())
        var dictionary = [UInt8](
            repeating: 0, count: min(dictionaryBytes, max(leastBytes, all.count / 8)))
        let size = ZDICT_trainFromBuffer(
            &dictionary, dictionary.count, all, &lengths, UInt32(lengths.count))
        // Texts that have nothing in common give none.
        guard ZDICT_isError(size) == 0 else { return nil }
        dictionary.removeLast(dictionary.count - size)
        // Its number stands behind the magic number (RFC 8878, section 5).
        dictionary.replaceSubrange(
            4..<8, with: [UInt8(number & 0xFF), UInt8(number >> 8), 0, 0])
        return DictionaryTrained(number: number, type: type, bytes: dictionary)
    }

    /// The newest text of each record in events of a type, the newest record first: of the log
    /// itself, since the archive may be away.
    private static func texts(
        of type: EventType, _ snapshot: borrowing LogSnapshot, _ wanted: Int
    ) throws(EventLogError) -> [ArraySlice<UInt8>]? {
        var texts: [ArraySlice<UInt8>] = []
        var seen: Set<UInt64> = []
        var (bytes, read) = (0, 0)
        var entries = 0
        let end = try snapshot.tail().position
        let first = try snapshot.archivedThrough().next
        try snapshot.forEachEntryBackwards(before: end.next) { entry throws(EventLogError) in
            entries += 1
            guard entries <= mostEntries else { return false }
            guard entry.header.type == type, entry.header.flags.contains(.hasBodies) else {
                return entry.position > first
            }
            let event = try entry.event()
            for (owner, body) in zip(event.event.textOwners, event.event.bodies).reversed()
            where !body.isEmpty {
                read += body.count
                let record = UInt64(event.stream.rawValue) << 32 | UInt64(owner.ordinal.rawValue)
                guard seen.insert(record).inserted else { continue }
                texts.append(body)
                bytes += body.count
            }
            return bytes < wanted && read / mostTexts < wanted && entry.position > first
        }
        return bytes < wanted ? nil : texts
    }
}
