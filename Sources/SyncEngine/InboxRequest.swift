package import EventLog
package import SyncCore

/// What a process asks of the one that holds the store, because it may not write to it itself.
package struct InboxRequest: Sendable, Equatable {
    package enum Ask: String, Sendable, CaseIterable {
        /// As `queue retry` does.
        case retry
        /// As `queue drop` does.
        case drop
    }

    package let ask: Ask
    /// The stream's name.
    package let stream: String
    package let ids: [RecordID]
    /// Who asks, with the number of this request.
    package let requester: Requester
    /// The end of the log as the asker saw it: what the request leads to comes after.
    package let after: Position

    package init(
        ask: Ask, stream: String, ids: [RecordID], requester: Requester, after: Position
    ) {
        self.ask = ask
        self.stream = stream
        self.ids = ids
        self.requester = requester
        self.after = after
    }

    /// The event that says that it was done.
    package func event(_ records: [QueuedRecord]) -> Event {
        switch ask {
        case .retry: .queueRetried(QueueRetried(records: records, requester: requester))
        case .drop: .queueDropped(QueueDropped(records: records, requester: requester))
        }
    }

    /// The records that an event of this request names; nil for any other event.
    package func answer(_ event: Event) -> [QueuedRecord]? {
        switch event {
        case .queueRetried(let event) where event.requester.request == requester.request:
            event.records
        case .queueDropped(let event) where event.requester.request == requester.request:
            event.records
        default: nil
        }
    }

    /// The records and the position of the event of this request; nil where the log has none.
    package func answer(
        in snapshot: borrowing LogSnapshot
    ) throws(EventLogError) -> (records: [QueuedRecord], position: Position)? {
        var found: (records: [QueuedRecord], position: Position)?
        try snapshot.forEachEvent(after: after, bodies: .none) { event in
            found = answer(event.event).map { ($0, event.position) }
            return found == nil
        }
        return found
    }
}

/// As a file: netstrings (`4:text,`) of the format's name, what is asked, the stream, the position,
/// the request's number, pid, host, user, then the ids.
extension InboxRequest {
    private static let format = "ossync request 1"
    private static let heads = 8

    var bytes: [UInt8] {
        let texts =
            [
                Self.format, ask.rawValue, stream, String(after.rawValue),
                String(requester.request ?? 0), String(requester.pid), requester.host,
                requester.user,
            ] + ids.map(\.text)
        return texts.flatMap { text in
            Array("\(text.utf8.count):".utf8) + Array(text.utf8) + [UInt8(ascii: ",")]
        }
    }

    /// - Returns: nil for anything but what `bytes` makes.
    init?(_ bytes: [UInt8]) {
        guard let texts = Self.texts(bytes), texts.count > Self.heads, texts[0] == Self.format,
            let ask = Ask(rawValue: texts[1]), let after = UInt64(texts[3]),
            let request = UInt64(texts[4]), let pid = UInt32(texts[5])
        else { return nil }
        self.init(
            ask: ask, stream: texts[2], ids: texts[Self.heads...].map { RecordID($0) },
            requester: Requester(pid: pid, host: texts[6], user: texts[7], request: request),
            after: Position(after))
    }

    private static func texts(_ bytes: [UInt8]) -> [String]? {
        var texts: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let colon = rest.prefix(8).firstIndex(of: UInt8(ascii: ":")),
                let length = Int(String(decoding: rest[..<colon], as: UTF8.self)), length >= 0,
                rest.endIndex - colon - 1 > length,
                rest[colon + 1 + length] == UInt8(ascii: ","),
                let text = String(
                    validating: rest[(colon + 1)..<(colon + 1 + length)], as: UTF8.self)
            else { return nil }
            texts.append(text)
            rest = rest[(colon + length + 2)...]
        }
        return texts
    }
}
