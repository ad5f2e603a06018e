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
        var comparison = RowComparison()
        try forEachDifference(of: old, new, in: \.rows) { key, kind in
            comparison.note(ordinal(key), kind)
        }
        return comparison
    }

    /// Walks two tables in the order of their keys and tells each key that is in one of them only,
    /// or has another value.
    static func forEachDifference(
        of old: ProjectionEnvironment<RecordTables>, _ new: ProjectionEnvironment<RecordTables>,
        in table: KeyPath<RecordTables, Database>,
        _ body: (UnsafeRawBufferPointer, WritableKeyPath<RowComparison, UInt64>) -> Void
    ) throws {
        let before = try old.environment.beginRead()
        let after = try new.environment.beginRead()
        var left = try before.cursor(old.tables[keyPath: table])
        var right = try after.cursor(new.tables[keyPath: table])
        var (hasLeft, hasRight) = (try left.first(), try right.first())
        while hasLeft || hasRight {
            let order = hasLeft && hasRight ? left.compareKey(with: right) : hasLeft ? -1 : 1
            if order < 0 {
                left.read { key, _ in body(key, \.removed) }
            } else if order > 0 {
                right.read { key, _ in body(key, \.added) }
            } else {
                left.read { key, old in
                    right.read { _, new in
                        if !old.elementsEqual(new) { body(key, \.changed) }
                    }
                }
            }
            if order <= 0 { hasLeft = try left.next() }
            if order >= 0 { hasRight = try right.next() }
        }
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

extension Cursor {
    /// The order of the keys as the database has it: negative where this one is the smaller.
    fileprivate func compareKey(with other: borrowing Cursor) -> Int {
        read { mine, _ in
            other.read { theirs, _ in
                if mine.elementsEqual(theirs) { return 0 }
                return mine.lexicographicallyPrecedes(theirs) ? -1 : 1
            }
        }
    }
}
