import EventLog
import Projections
import SyncCore

/// The sum of the summed column as it was after each event, for whoever walks through the log.
///
/// A stretch is read at a time: between two, no snapshot of the projection is held, however long
/// somebody thinks.
final class PastTotals {
    typealias Total = (sum: String, records: UInt64)

    private static let mostChanges = 4_096

    private let projector: RecordProjector
    private var changes: [(position: Position, total: Total?)] = []
    /// Up to here the changes are known, from the first of them on.
    private var end = Position.none

    init(_ projector: RecordProjector) { self.projector = projector }

    /// Nil when no column is summed.
    func total(at position: Position) throws -> Total? {
        if changes.first.map({ $0.position > position }) ?? true || position > end {
            try read(from: position)
        }
        // The last change that does not lie behind it.
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].position > position { high = middle } else { low = middle + 1 }
        }
        return low > 0 ? changes[low - 1].total : nil
    }

    private func read(from position: Position) throws {
        try projector.read { reader in
            let following = try reader.totals(after: position, atMost: Self.mostChanges)
            changes = [(position, try reader.total(at: position))]
            changes += following.map { ($0.position, ($0.sum, $0.records)) }
            let isAll = following.count < Self.mostChanges
            end = isAll ? max(reader.position, position) : following.last?.position ?? position
        }
    }
}
