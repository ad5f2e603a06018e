internal import SyncCore

extension LogVerifier {
    /// Checks a segment of the archive that the walk over the log may not read.
    ///
    /// - Returns: whether there was one.
    mutating func checkSegment() throws -> Bool {
        guard !skipsArchive else { return false }
        if archive == nil {
            let archived = try snapshot.archivedThrough()
            // Without anything in it, what lies there is none of the log's business.
            guard
                let check = archived == .none
                    ? try? ArchiveCheck(snapshot.log.archive, through: archived)
                    : try ArchiveCheck(snapshot.log.archive, through: archived)
            else { return false }
            archive = check
        }
        guard let (name, verdict) = try archive?.next(snapshot, workers: workers) else {
            return false
        }
        switch verdict {
        case .sound: break
        case .unchecked(let reason):
            noteUnchecked("segment \(name.text) of the archive was not checked: \(reason)")
        case .damaged(let position, let reason, true):
            note(.events, position, "in segment \(name.text) of the archive: \(reason)")
        case .damaged(let position, let reason, false):
            note(
                .archive, position,
                "in segment \(name.text) of the archive: \(reason); its events are elsewhere too: "
                    + "move it away")
        }
        return true
    }

    /// What is in no segment of the archive can't be checked, nor what follows from it: the rest is
    /// checked for itself.
    mutating func skipMissing() throws {
        let archived = try snapshot.archivedThrough()
        guard archived != .none else { return }
        let gaps = skipsArchive ? [] : archive?.gaps ?? []
        guard skipsArchive || !gaps.isEmpty else { return }
        for gap in gaps {
            note(
                .archive, gap.lowerBound,
                "it and all up to position \(gap.upperBound.rawValue) were moved to the archive, "
                    + "and no segment there holds them: put it back, or leave the archive out "
                    + "(--without-archive)")
        }
        try skip(through: archived)
    }
}
