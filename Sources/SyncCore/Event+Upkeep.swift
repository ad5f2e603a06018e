/// Fact: someone had texts of records taken out of the log, in the transaction of this event.
///
/// Their hashes stay, so the chain does too. Headers, details and columns made of them are gone.
package struct Redacted: Sendable, Equatable {
    /// Whose texts.
    package let records: [RequestIntended.Asked]
    /// The events that held them, ascending.
    package let positions: [Position]
    package let reason: String
    package let requester: Requester

    package init(
        records: [RequestIntended.Asked], positions: [Position], reason: String,
        requester: Requester
    ) {
        self.records = records
        self.positions = positions
        self.reason = reason
        self.requester = requester
    }
}

/// Fact: someone had the events up to a position moved into an archive segment.
package struct LogCompacted: Sendable, Equatable {
    /// The last event that was moved: the end of a commit.
    package let last: Position
    /// The head of the chain after it: 32 bytes.
    package let head: [UInt8]
    /// The name of the segment within the store's `archive`.
    package let archive: String
    package let requester: Requester

    package init(last: Position, head: [UInt8], archive: String, requester: Requester) {
        self.last = last
        self.head = head
        self.archive = archive
        self.requester = requester
    }
}

/// Fact: a compression dictionary was made of the log's own events; later ones may need it.
package struct DictionaryTrained: Sendable, Equatable {
    /// From 1 on, in the order in which they were made; no number is used twice.
    package let number: UInt16
    /// The events that it was made of, and is for.
    package let type: EventType
    /// As zstd reads it.
    package let bytes: [UInt8]

    package init(number: UInt16, type: EventType, bytes: [UInt8]) {
        self.number = number
        self.type = type
        self.bytes = bytes
    }
}
