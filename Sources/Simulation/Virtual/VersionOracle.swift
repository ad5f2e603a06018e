internal import SyncCore

/// Which versions of each record a store may hold.
///
/// A record that changes while a run walks the list or fetches details may be held as it was before
/// or after; the next pass over the whole list settles it. Everything else is held as it is.
struct VersionOracle {
    /// Records that changed during a run since the last whole pass began, and the version before.
    private var oldest: [Int64: UInt32] = [:]
    /// Arrivals that were looked at.
    private var seen = 0

    /// Whether everything must be as it is on the server.
    var isSettled: Bool { oldest.isEmpty }

    /// A pass over the whole list begins: what changed before it must be noticed by it.
    mutating func beginWholePass(_ erp: SimulatedERP) {
        take(erp)
        oldest = [:]
    }

    /// Takes note of the changes since the last time.
    mutating func take(_ erp: SimulatedERP) {
        let entries = erp.arrivals.entries
        var later: [Int64: UInt32] = [:]
        // From the newest back, so that each change's version before it is known.
        for arrival in entries[seen...].reversed() {
            guard let id = arrival.updated else { continue }
            later[id] = (later[id] ?? erp.version(id)) - 1
        }
        oldest.merge(later) { first, _ in first }
        seen = entries.count
    }

    /// A record as the store may hold it, by version.
    struct Match {
        var header: UInt32?
        var detail: UInt32?
        /// Of the detail, in hundredths.
        var expenseCents: Int64 = 0
    }

    /// Finds the versions that a stored header and detail are.
    ///
    /// - Parameter detail: nil for one that isn't stored.
    func match(
        _ id: Int64, header: [UInt8]?, detail: [UInt8]?, _ erp: SimulatedERP
    ) -> Match {
        var match = Match()
        let newest = erp.version(id)
        for version in (oldest[id] ?? newest)...newest {
            guard let expected = erp.expected(id, version: version) else { continue }
            if header == expected.header { match.header = version }
            if detail == expected.detail {
                match.detail = version
                match.expenseCents = expected.expenseCents
            }
        }
        return match
    }
}
