internal import LMDB
internal import SyncCore

/// What takes redacted texts out of the files of a store: out of every segment that is of this log,
/// out of free pages, and with what killed processes left. The holder of the engine's lock alone
/// may do so.
extension EventLog {
    /// The segments of this log in which redacted texts are, or may be in free pages, and those of
    /// which that can't be told.
    ///
    /// A segment needs no event that the log takes from there: one that overlaps others, or that a
    /// killed compaction left, holds texts all the same.
    package func uncleanSegments(
        _ texts: RedactedTexts
    ) throws(EventLogError) -> (names: [ArchiveName], failures: [EventLogError]) {
        let snapshot = try snapshot()
        let coder = EventCoder(dictionaries)
        var (names, failures): ([ArchiveName], [EventLogError]) = ([], [])
        for name in try archive.names() {
            let positions = texts.claims.positions(in: name)
            guard !positions.isEmpty else { continue }
            do throws(EventLogError) {
                guard let cursor = try snapshot.own(name, of: archive) else { continue }
                let found = try cursor.firstText(
                    of: texts.claims, positions, coder, archive.folder(name))
                let isFree = try cursor.segment.hasFreePages()
                if found != nil || isFree { names.append(name) }
            } catch {
                // What can't be read is written to for what of it can be.
                if case .corrupt(_, .some, _) = error { names.append(name) }
                failures.append(error)
            }
        }
        return (names, failures)
    }

    /// Tries whether what is to be cleaned can be.
    ///
    /// - Returns: what can't, and why.
    package func checkReplaceable(_ names: [ArchiveName]) -> [EventLogError] {
        archive.close()
        return ([path] + names.map(archive.folder)).compactMap { path in
            do throws(LMDBError) {
                try Environment.checkReplaceable(path)
                return nil
            } catch {
                return EventLogError(error)
            }
        }
    }

    /// Takes redacted texts out of segments and their free pages; nothing of the archive may be
    /// open in this process.
    ///
    /// - Returns: what could not be done.
    package func clean(_ names: [ArchiveName], of texts: RedactedTexts) -> [EventLogError] {
        archive.close()
        var failures: [EventLogError] = []
        for name in names {
            do throws(EventLogError) {
                failures += try clean(name, texts.claims)
            } catch {
                failures.append(error)
            }
        }
        return failures
    }

    private func clean(
        _ name: ArchiveName, _ claims: RedactionClaims
    ) throws(EventLogError) -> [EventLogError] {
        let folder = archive.folder(name)
        do throws(LMDBError) {
            let environment = try Environment.open(folder)
            let transaction = try environment.beginWrite()
            let events = try transaction.database("events")
            let failures: [EventLogError]
            do throws(EventLogError) {
                failures = try redact(
                    claims, claims.positions(in: name), events, transaction,
                    EventCoder(dictionaries), folder)
            } catch {
                return [error]
            }
            try transaction.commit()
            // They have what was taken out, now or by one that was killed then.
            try environment.replaceByCompacted()
            return failures
        } catch {
            throw EventLogError(error)
        }
    }

    /// Removes what killed processes left, and has that on the disk.
    ///
    /// - Returns: what could not be removed.
    package func removeLeftovers() -> [EventLogError] {
        removeUnfinished()
        do throws(LMDBError) {
            try FileSystem.sync(folder: FileSystem.parent(of: path))
            if FileSystem.size(archive.path) != nil { try FileSystem.sync(folder: archive.path) }
        } catch {
            return [EventLogError(error)]
        }
        return (Environment.unfinishedFolders(of: path) + archive.unfinishedFolders).map { folder in
            .storage(
                LMDBError(
                    .other(0), operation: "remove", path: folder,
                    detail: "what a killed process left is in the way"))
        }
    }

    /// Gives back what the log's file has free, and notes that no redaction is unfinished: all else
    /// must be clean. Open the log anew.
    ///
    /// - Returns: what could not be done.
    package func finishRedaction() -> [EventLogError] {
        do throws(EventLogError) {
            try replaceByCompacted()
            let failures = removeLeftovers()
            guard failures.isEmpty else { return failures }
            let log = try reopened()
            try log.growing { () throws(EventLogError) in try log.forgetUnfinishedRedaction() }
            return []
        } catch {
            return [error]
        }
    }

    /// It, as its path leads to it now.
    func reopened() throws(EventLogError) -> EventLog {
        try EventLog.open(
            at: path, of: FileSystem.parent(of: path), .write, environment.options.durability,
            environment.options.mapSize, isKept: isKept)
    }

    func forgetUnfinishedRedaction() throws(EventLogError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            try transaction.delete(schema.meta, LogSchema.cleaningKey)
            try transaction.commit()
        } catch {
            throw EventLogError(error)
        }
    }
}

extension ArchiveSegment {
    func hasFreePages() throws(EventLogError) -> Bool {
        do throws(LMDBError) {
            return try environment.freePages() > 0
        } catch {
            throw EventLogError(error)
        }
    }
}

extension SegmentCursor {
    /// The first event that has a text which was taken out of it.
    ///
    /// - Parameters:
    ///   - positions: of the segment, ascending.
    ///   - path: what is named as damaged.
    func firstText(
        of claims: RedactionClaims, _ positions: [Position], _ coder: EventCoder, _ path: String
    ) throws(EventLogError) -> Position? {
        for position in positions {
            guard try seek(position), self.position == position else { continue }
            let result = read { _, value in
                Result { () throws(EventCodingError) in
                    try coder.hasText(of: claims, position, value)
                }
            }
            switch result {
            case .failure(let error): throw .damaged(path, position, error)
            case .success(true): return position
            case .success(false): break
            }
        }
        return nil
    }
}
