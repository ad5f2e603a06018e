internal import LMDB
internal import SyncCore

/// What was taken out of the log is in none of its files: a copy of a segment that somebody put
/// back is as good as the one before to the chain.
extension LogVerifier {
    /// - Parameter events: those that say what was taken out.
    mutating func checkRedactions(_ events: [Position], skipsArchive: Bool) {
        do throws(EventLogError) {
            let unfinished = try snapshot.unfinishedRedaction()
            if let unfinished {
                note(
                    .redaction, unfinished.newest,
                    "its redaction isn't finished: segments of the archive and free pages may hold "
                        + "the texts; `ossync log redact` for the same finishes it")
            }
            guard !events.isEmpty else { return }
            let segments = skipsArchive ? [] : snapshot.ownSegments()
            // One after the other: the events of one redaction are known at a time.
            for event in events where unfinished.map({ event < $0.first }) ?? true {
                try checkRedaction(event, segments)
            }
        } catch {
            note(.redaction, nil, "\(error)")
        }
    }

    private mutating func checkRedaction(
        _ at: Position, _ segments: [SegmentCursor]
    ) throws(EventLogError) {
        guard case .redacted(let redacted)? = try snapshot.event(at: at, bodies: .none)?.event
        else {
            return
        }
        var claims = RedactionClaims()
        claims.add(redacted)
        let records = redacted.records.prefix(3).map(\.id.text).joined(separator: ", ")
        let whose =
            redacted.records.count == 1
            ? "record \(records)" : "records \(records)\(redacted.records.count > 3 ? ", ..." : "")"
        let target =
            redacted.records.count == 1 ? records : "@\(redacted.positions.first?.rawValue ?? 0)"
        let tell =
            "was taken out at @\(at.rawValue): `ossync log redact \(target)` takes it out again"
        if let position = try snapshot.firstText(of: claims, redacted.positions) {
            note(.redaction, position, "the log has a text of \(whose) there, which \(tell)")
        }
        for segment in segments {
            let named = claims.positions(in: segment.name)
            // One that can't be read is told elsewhere, if the log needs it.
            guard
                let position = try? segment.firstText(
                    of: claims, named, snapshot.coder, snapshot.log.path)
            else { continue }
            note(
                .redaction, position,
                "segment \(segment.name.text) of the archive has a text of \(whose) there, which "
                    + tell)
        }
    }
}

extension LogSnapshot {
    /// The segments in the folder that are of this log, whether it reads them or not.
    fileprivate func ownSegments() -> [SegmentCursor] {
        // A folder that can't be read is told elsewhere.
        ((try? log.archive.names()) ?? []).compactMap { try? own($0, of: log.archive) }
    }

    /// The first event in the log itself that has a text which was taken out of it.
    fileprivate func firstText(
        of claims: RedactionClaims, _ positions: [Position]
    ) throws(EventLogError) -> Position? {
        do throws(LMDBError) {
            var live = try transaction.cursor(log.schema.events)
            for position in positions {
                guard try live.find(StoreKeys.position(position)) else { continue }
                let isThere = live.read { _, value in
                    (try? coder.hasText(of: claims, position, value)) ?? false
                }
                if isThere { return position }
            }
            return nil
        } catch {
            throw EventLogError(error)
        }
    }
}
