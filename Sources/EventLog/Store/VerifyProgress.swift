package import SyncCore

/// How far a verification is that has found nothing yet: enough to go on with it in another
/// process, at the end of a commit.
package struct VerifyProgress: Sendable, Equatable {
    /// The last position that was checked.
    package internal(set) var position: Position = .none
    /// The identity header of the event there.
    package internal(set) var identity: [UInt8] = []
    /// The head of the chain there.
    package internal(set) var head: [UInt8] = ChainHasher.genesis
    package internal(set) var events: UInt64 = 0
    package internal(set) var commits: UInt64 = 0
    /// The fold of the events so far.
    package internal(set) var control = ControlState()
    var seen = SeenFold()
    /// The dictionaries that events brought: the checksum of each by its number.
    var dictionaries: [UInt16: UInt64] = [:]
    /// The events that say what was taken out.
    var redactions: [Position] = []
    /// What is looked for in the chain, and where it was found.
    package let against: ChainHead?
    package internal(set) var foundAt: Position?

    package init(against: ChainHead? = nil) {
        self.against = against
        lookForHead()
    }

    /// Looks whether the head that was kept is this one.
    mutating func lookForHead() {
        guard let against, foundAt == nil, against.head == head else { return }
        if let position = against.position, position != self.position { return }
        foundAt = position
    }
}

/// Stored as numbers (varint) and byte strings, each with its length (varint) before it.
extension VerifyProgress {
    package var encoded: [UInt8] {
        var writer = FieldWriter()
        for number in [position.rawValue, events, commits] { writer.varint(number) }
        for bytes in [
            identity, head, ControlStateCoder.encode(control),
            Array((against?.description ?? "").utf8),
        ] { writer.append(bytes) }
        writer.varint(foundAt.map { $0.rawValue + 1 } ?? 0)
        writer.varint(UInt64(seen.chunks.count))
        for (key, bits) in seen.chunks {
            writer.append(key)
            writer.append(bits)
        }
        writer.varint(UInt64(dictionaries.count))
        for (number, checksum) in dictionaries {
            writer.varint(UInt64(number))
            writer.varint(checksum)
        }
        writer.varint(UInt64(redactions.count))
        for position in redactions { writer.varint(position.rawValue) }
        return writer.bytes
    }

    /// - Returns: nil for anything but what `encoded` makes.
    package init?(encoded bytes: UnsafeRawBufferPointer) {
        do {
            var reader = FieldReader(bytes)
            let (position, events, commits) = (
                try reader.varint(), try reader.varint(), try reader.varint()
            )
            let (identity, head) = (try reader.bytes(), try reader.bytes())
            let control = try ControlStateCoder.decode(try reader.bytes())
            let against = String(decoding: try reader.bytes(), as: UTF8.self)
            let found = try reader.varint()
            var chunks: [(key: [UInt8], bits: [UInt8])] = []
            for _ in 0..<(try reader.varint()) {
                chunks.append((try reader.bytes(), try reader.bytes()))
            }
            var dictionaries: [UInt16: UInt64] = [:]
            for _ in 0..<(try reader.varint()) {
                let number: UInt16 = try reader.narrow(try reader.varint())
                dictionaries[number] = try reader.varint()
            }
            var redactions: [Position] = []
            for _ in 0..<(try reader.varint()) { redactions.append(Position(try reader.varint())) }
            guard head.count == SHA256Digest.byteCount, let seen = SeenFold(chunks),
                control.position == Position(position)
            else { return nil }
            self.against = against.isEmpty ? nil : ChainHead(against)
            self.position = Position(position)
            (self.identity, self.head, self.events, self.commits) = (
                identity, head, events, commits
            )
            self.control = control
            self.seen = seen
            self.dictionaries = dictionaries
            self.redactions = redactions
            foundAt = found == 0 ? nil : Position(found - 1)
        } catch {
            return nil
        }
    }
}

extension FieldWriter {
    fileprivate mutating func append(_ content: [UInt8]) {
        varint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }
}

extension FieldReader {
    fileprivate mutating func bytes() throws(FieldError) -> [UInt8] {
        [UInt8](try take(Int(clamping: try varint())))
    }
}
