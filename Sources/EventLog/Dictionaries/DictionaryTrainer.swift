internal import CZstd
internal import LMDB
package import SyncCore

/// Makes compression dictionaries of the texts that a log has.
///
/// A dictionary is what texts of one kind have in common, and holds nothing that fewer than ten
/// records have (docs/design/0014-dictionaries.md).
package enum DictionaryTrainer {
    /// The types that it is worth it for: those that have texts of records.
    package static let types: [EventType] = [.detailsFetched, .pageFetched]
    /// So many bytes of texts are learned from; with fewer there is no dictionary yet.
    package static let sampleBytes = 1 << 20
    /// The size of a dictionary: twice as much gains nothing.
    static let dictionaryBytes = 32 << 10
    private static let leastBytes = 1 << 10
    /// It doesn't look further back in the log.
    private static let mostEntries = 1 << 16

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

    /// The newest texts of a type, oldest first: of the log itself, since the archive may be away.
    private static func texts(
        of type: EventType, _ snapshot: borrowing LogSnapshot, _ wanted: Int
    ) throws(EventLogError) -> [ArraySlice<UInt8>]? {
        var texts: [ArraySlice<UInt8>] = []
        var bytes = 0
        var entries = 0
        let end = try snapshot.tail().position
        let first = try snapshot.archivedThrough().next
        try snapshot.forEachEntryBackwards(before: end.next) { entry throws(EventLogError) in
            entries += 1
            guard entries <= mostEntries else { return false }
            guard entry.header.type == type, entry.header.flags.contains(.hasBodies) else {
                return entry.position > first
            }
            for body in try entry.event().event.bodies.reversed() where !body.isEmpty {
                texts.append(body)
                bytes += body.count
            }
            return bytes < wanted && entry.position > first
        }
        return bytes < wanted ? nil : texts.reversed()
    }
}

extension LogSnapshot {
    /// The number that the next dictionary gets.
    package func nextDictionary() throws(EventLogError) -> UInt16? {
        do throws(LMDBError) {
            guard let table = log.schema.dictionaries else { return nil }
            var cursor = try transaction.cursor(table)
            guard try cursor.last() else { return 1 }
            let last = cursor.read { key, _ in StoreKeys.dictionary(of: key) }
            return last.flatMap { $0 < .max ? $0 + 1 : nil }
        } catch {
            throw EventLogError(error)
        }
    }
}
