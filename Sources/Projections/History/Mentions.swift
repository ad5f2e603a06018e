internal import EventLog
internal import SyncCore

/// That an event is about some records that follow each other.
struct Mention: Sendable, Comparable {
    let stream: StreamID
    let ordinal: Ordinal
    var count: UInt32 = 1
    let position: Position

    func isAbout(_ other: Ordinal) -> Bool {
        ordinal <= other && other.rawValue - ordinal.rawValue < count
    }

    static func < (left: Mention, right: Mention) -> Bool {
        (left.stream, left.ordinal, left.position) < (right.stream, right.ordinal, right.position)
    }

    /// So many records at most are in one mention: whoever looks for a record looks so far back.
    static let mostRecords: UInt32 = 1_024
}

/// Mentions of one segment, sorted and packed: a list of them takes some four bytes each.
///
/// A block is `ordinal, count, position` for each mention, as the difference from the one before;
/// positions from the segment's first one.
struct MentionBlock {
    let stream: StreamID
    let first: Ordinal
    let bytes: [UInt8]

    /// Below the size at which LMDB gives a value pages of its own.
    private static let mostBytes = 1_900

    static func blocks(of sorted: [Mention], in segment: Position) -> [MentionBlock] {
        var blocks: [MentionBlock] = []
        var writer = FieldWriter()
        var first: Mention?
        var last = Ordinal(0)
        for mention in sorted {
            // All mentions that begin with one record are in one block: it is their key.
            let isFull = writer.bytes.count > mostBytes && mention.ordinal != last
            if let begin = first, begin.stream != mention.stream || isFull {
                blocks.append(
                    MentionBlock(stream: begin.stream, first: begin.ordinal, bytes: writer.bytes))
                writer.bytes.removeAll(keepingCapacity: true)
                first = nil
            }
            if first == nil {
                first = mention
                last = mention.ordinal
            }
            writer.varint(UInt64(mention.ordinal.rawValue - last.rawValue))
            writer.varint(UInt64(mention.count))
            writer.varint(mention.position.rawValue - segment.rawValue)
            last = mention.ordinal
        }
        if let first {
            blocks.append(
                MentionBlock(stream: first.stream, first: first.ordinal, bytes: writer.bytes))
        }
        return blocks
    }

    /// Calls `body` with each mention of a block, in their order, until it says no.
    static func forEach(
        _ reader: inout FieldReader, _ stream: StreamID, from first: Ordinal, in segment: Position,
        _ body: (Mention) -> Bool
    ) throws(FieldError) {
        var ordinal = first.rawValue
        while !reader.isAtEnd {
            let step: UInt32 = try reader.narrow(try reader.varint())
            let count: UInt32 = try reader.narrow(try reader.varint())
            let offset = try reader.varint()
            ordinal &+= step
            let mention = Mention(
                stream: stream, ordinal: Ordinal(ordinal), count: count,
                position: Position(segment.rawValue &+ offset))
            guard body(mention) else { return }
        }
    }
}
