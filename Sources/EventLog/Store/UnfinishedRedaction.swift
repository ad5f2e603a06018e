internal import LMDB
internal import Locks
package import SyncCore

/// Redactions that are in the log, but whose texts may still be in files of the store: in segments
/// of the archive, in free pages, in what a killed process left.
package struct UnfinishedRedaction: Sendable, Hashable {
    /// The position of the first `Redacted` among them.
    package let first: Position
    /// That of the newest.
    package let newest: Position
}

extension LogSnapshot {
    /// The redactions whose files aren't clean yet; nil where all are.
    package func unfinishedRedaction() throws(EventLogError) -> UnfinishedRedaction? {
        try log.schema.unfinishedRedaction(transaction, path: log.path)
    }

    /// What of the archive must not be shown; nil where all of it may be.
    func redactionMask() throws(EventLogError) -> RedactionMask? {
        guard let unfinished = try unfinishedRedaction() else { return nil }
        do throws(LMDBError) {
            return RedactionMask(
                try log.claims(of: unfinished, transaction), log.dictionaries)
        } catch {
            throw EventLogError(error)
        }
    }
}

extension EventLog {
    /// What unfinished redactions say: every cursor asks for it.
    fileprivate func claims(
        of unfinished: UnfinishedRedaction, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> RedactionClaims {
        if let known = unfinishedClaims.withLock({ $0 }), known.of == unfinished {
            return known.claims
        }
        let claims = try unfinished.claims(
            transaction, schema.events, EventCoder(dictionaries))
        unfinishedClaims.withLock { $0 = (unfinished, claims) }
        return claims
    }
}

extension LogSchema {
    /// The redactions whose files aren't clean yet.
    ///
    /// - Throws: `.corrupt` where that is not as it was written.
    func unfinishedRedaction(
        _ transaction: borrowing some ReadableTransaction & ~Copyable, path: String
    ) throws(EventLogError) -> UnfinishedRedaction? {
        let stored: [UInt8]?
        do throws(LMDBError) {
            stored = try transaction.value(meta, Self.cleaningKey)
        } catch {
            throw EventLogError(error)
        }
        guard let stored else { return nil }
        guard stored.count == 24,
            let numbers = Optional(
                stored.withUnsafeBytes { bytes in
                    [0, 8, 16].map {
                        bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self).bigEndian
                    }
                }), numbers[2] == Checksum.of(Array(stored.prefix(16)))
        else {
            throw .corrupt(
                path: path, position: nil,
                reason: "which redactions aren't finished is not as it was written")
        }
        return UnfinishedRedaction(first: Position(numbers[0]), newest: Position(numbers[1]))
    }

    /// Says that the files of a redaction aren't clean yet.
    func putUnfinished(
        _ transaction: borrowing WriteTransaction, _ unfinished: UnfinishedRedaction
    ) throws(LMDBError) {
        var value: [UInt8] = []
        value.append(bigEndian: unfinished.first.rawValue)
        value.append(bigEndian: unfinished.newest.rawValue)
        value.append(bigEndian: Checksum.of(value))
        try transaction.put(meta, Self.cleaningKey, value)
    }
}
