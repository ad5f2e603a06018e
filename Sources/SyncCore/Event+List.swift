/// Decision: a walk over the list begins.
package struct PassOpened: Sendable, Equatable {
    /// Passes of a stream are numbered from 1; the seen-set of a pass goes by this number.
    package let number: UInt32
    /// Grows by 1 with each full pass.
    package let generation: UInt32
    package let mode: RunMode
    package let filter: ListFilter
    /// The configuration that the cursor depends on.
    package let pinned: [PinnedKey]

    package init(
        number: UInt32, generation: UInt32, mode: RunMode, filter: ListFilter, pinned: [PinnedKey]
    ) {
        self.number = number
        self.generation = generation
        self.mode = mode
        self.filter = filter
        self.pinned = pinned
    }
}

/// Decision: the open pass is given up; a new one starts from the beginning.
package struct PassAbandoned: Sendable, Equatable {
    package let number: UInt32

    package init(number: UInt32) { self.number = number }
}

/// Decision: the pass has walked all of its list.
package struct PassCompleted: Sendable, Equatable {
    package let number: UInt32
    /// Different records seen.
    package let distinct: UInt64
    package let total: UInt64?
    /// Why rows may have moved while the list was walked; nil when there is no sign of it.
    package let drift: String?
    /// The new high-water mark; nil when it stays where it was.
    package let highWaterMark: RecordID?

    package init(
        number: UInt32, distinct: UInt64, total: UInt64?, drift: String?, highWaterMark: RecordID?
    ) {
        self.number = number
        self.distinct = distinct
        self.total = total
        self.drift = drift
        self.highWaterMark = highWaterMark
    }
}

/// Ordinals that follow each other, for example 4, 5, 6.
package struct OrdinalRun: Sendable, Equatable {
    package let first: Ordinal
    package let count: UInt32

    package init(first: Ordinal, count: UInt32) {
        self.first = first
        self.count = count
    }

    package var range: Range<UInt32> { first.rawValue..<(first.rawValue + count) }
}

/// Fact: a list page came, and what its records are to this store.
package struct PageFetched: Sendable, Equatable {
    /// A new or changed record, with its text.
    package struct Entry: Sendable, Equatable {
        package let ordinal: Ordinal
        package let id: RecordID
        /// The state the record was in before; `.unknown` for a new one.
        package let was: RecordState
        package let fingerprint: Fingerprint
        /// Verbatim JSON, as the API sent it.
        package let body: ArraySlice<UInt8>

        package init(
            ordinal: Ordinal, id: RecordID, was: RecordState, fingerprint: Fingerprint,
            body: ArraySlice<UInt8>
        ) {
            self.ordinal = ordinal
            self.id = id
            self.was = was
            self.fingerprint = fingerprint
            self.body = body
        }

        package var isNew: Bool { was == .unknown }
    }

    package let intent: Position
    package let exchange: Exchange
    /// The pass it belongs to, whose seen-set gets the records.
    package let pass: UInt32
    package let generation: UInt32
    package let next: PageCursor?
    package let total: UInt64?
    /// Records in the answer, taken or not.
    package let rows: UInt32
    /// Records of this page that count against `--max`.
    package let taken: UInt32
    /// `--max` was reached within this page: it is asked again by the run that goes on.
    package let partlyTaken: Bool
    /// Records that this pass had not seen before.
    package let firstSeen: UInt32
    /// A hash over the identities and fingerprints of the page, to notice one that repeats.
    package let digest: UInt64
    /// The order of identities in force; the first page that has records fixes it.
    package let idOrder: IDOrder?
    /// The highest identity taken, under that order.
    package let highest: RecordID?
    package let entries: [Entry]
    /// Known records with the same fingerprint, in the order of the page.
    package let unchanged: [OrdinalRun]

    package init(
        intent: Position, exchange: Exchange, pass: UInt32, generation: UInt32, next: PageCursor?,
        total: UInt64?, rows: UInt32, taken: UInt32, partlyTaken: Bool, firstSeen: UInt32,
        digest: UInt64, idOrder: IDOrder?, highest: RecordID?, entries: [Entry],
        unchanged: [OrdinalRun]
    ) {
        self.intent = intent
        self.exchange = exchange
        self.pass = pass
        self.generation = generation
        self.next = next
        self.total = total
        self.rows = rows
        self.taken = taken
        self.partlyTaken = partlyTaken
        self.firstSeen = firstSeen
        self.digest = digest
        self.idOrder = idOrder
        self.highest = highest
        self.entries = entries
        self.unchanged = unchanged
    }

    package var unchangedCount: UInt64 { unchanged.reduce(0) { $0 + UInt64($1.count) } }
}
