internal import LMDB
package import SyncCore

/// In how many records one generation of a projection differs from another.
package struct RowComparison: Sendable, Equatable {
    package var added: UInt64 = 0
    package var removed: UInt64 = 0
    package var changed: UInt64 = 0
    /// The first record that differs.
    package var first: Ordinal?

    package init() {}

    package var isEqual: Bool { first == nil }

    /// Compares the stored rows of two generations, byte by byte.
    static func between(
        _ old: ProjectionEnvironment<RecordTables>, _ new: ProjectionEnvironment<RecordTables>
    ) throws -> RowComparison {
        let before = try old.environment.beginRead()
        let after = try new.environment.beginRead()
        var left = try before.cursor(old.tables.rows)
        var right = try after.cursor(new.tables.rows)
        var (hasLeft, hasRight) = (try left.first(), try right.first())
        var comparison = RowComparison()
        while hasLeft || hasRight {
            let mine = hasLeft ? left.read { key, _ in Self.ordinal(key) } : nil
            let theirs = hasRight ? right.read { key, _ in Self.ordinal(key) } : nil
            if let mine, theirs.map({ mine < $0 }) ?? true {
                comparison.note(mine, \.removed)
                hasLeft = try left.next()
            } else if let theirs, mine.map({ theirs < $0 }) ?? true {
                comparison.note(theirs, \.added)
                hasRight = try right.next()
            } else {
                let isEqual = left.read { _, old in
                    right.read { _, new in old.elementsEqual(new) }
                }
                if !isEqual, let mine { comparison.note(mine, \.changed) }
                hasLeft = try left.next()
                hasRight = try right.next()
            }
        }
        return comparison
    }

    private static func ordinal(_ key: UnsafeRawBufferPointer) -> Ordinal {
        // What is no key comes first, and differs.
        ProjectionEnvironment<RecordTables>.ordinal(key) ?? Ordinal(0)
    }

    mutating func note(
        _ ordinal: Ordinal, _ count: WritableKeyPath<RowComparison, UInt64>
    ) {
        self[keyPath: count] += 1
        first = first ?? ordinal
    }
}
