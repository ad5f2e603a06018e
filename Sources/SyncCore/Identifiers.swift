/// A place in the event log: dense, from 1; 0 means "before the first event" or "none".
package struct Position: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let none = Position(0)

    package var next: Position { Position(rawValue + 1) }

    package static func < (left: Position, right: Position) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A stream of records, numbered from 1 in the order of their `StreamDeclared`; 0 means "no
/// stream".
package struct StreamID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package init(_ rawValue: UInt16) { self.rawValue = rawValue }

    package static let none = StreamID(0)

    package static func < (left: StreamID, right: StreamID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A record's number within its stream: dense, from 0, given at first sight and never reused.
package struct Ordinal: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package static func < (left: Ordinal, right: Ordinal) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A 128-bit hash of a record's canonical JSON; two records with the same one are the same.
package struct Fingerprint: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
