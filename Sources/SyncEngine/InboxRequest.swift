package import EventLog
package import SyncCore

/// What a process asks of the one that holds the store, because it may not write to it itself.
package struct InboxRequest: Sendable, Equatable {
    package enum Ask: Sendable, Equatable {
        /// As `queue retry` does.
        case retry([RecordID])
        /// As `queue drop` does.
        case drop([RecordID])
        /// That an invocation, named by its `RunRequested`, ends in an orderly way.
        case stop(Position)
        /// One request to the API, as `health` makes it.
        case health
        /// A run, as `sync` makes it.
        case sync(RunMode, noDetails: Bool)

        package enum Kind: String, Sendable, CaseIterable {
            case retry, drop, stop, health, sync
        }

        package var kind: Kind {
            switch self {
            case .retry: .retry
            case .drop: .drop
            case .stop: .stop
            case .health: .health
            case .sync: .sync
            }
        }

        /// The records that it is about; none where it is about none.
        package var ids: [RecordID] {
            switch self {
            case .retry(let ids), .drop(let ids): ids
            case .stop, .health, .sync: []
            }
        }

        /// What a change of the queue records; nil for what is none.
        package func change(of records: [QueuedRecord], by requester: Requester) -> Event? {
            switch self {
            case .retry: .queueRetried(QueueRetried(records: records, requester: requester))
            case .drop: .queueDropped(QueueDropped(records: records, requester: requester))
            case .stop, .health, .sync: nil
            }
        }
    }

    package let ask: Ask
    /// The stream's name.
    package let stream: String
    /// Who asks, with the number of this request.
    package let requester: Requester
    /// The end of the log as the asker saw it: what the request leads to comes after.
    package let after: Position

    package init(ask: Ask, stream: String, requester: Requester, after: Position) {
        self.ask = ask
        self.stream = stream
        self.requester = requester
        self.after = after
    }

    /// The event that says that it was done; nil where the log has none.
    package func answer(
        in snapshot: borrowing LogSnapshot
    ) throws(EventLogError) -> LoggedEvent? {
        var found: LoggedEvent?
        try snapshot.forEachEvent(after: after, bodies: .none) { event in
            guard let number = event.event.requester?.request, number == requester.request else {
                return true
            }
            found = event
            return false
        }
        return found
    }
}

/// As a file: netstrings (`4:text,`) of the format's name, what is asked, the stream, the position,
/// the request's number, pid, host, user, then the ids, or what else the asking needs.
extension InboxRequest {
    private static let format = "ossync request 1"
    private static let heads = 8

    var bytes: [UInt8] {
        let texts =
            [
                Self.format, ask.kind.rawValue, stream, String(after.rawValue),
                String(requester.request ?? 0), String(requester.pid), requester.host,
                requester.user,
            ] + ask.arguments
        return texts.flatMap { text in
            Array("\(text.utf8.count):".utf8) + Array(text.utf8) + [UInt8(ascii: ",")]
        }
    }

    /// - Returns: nil for anything but what `bytes` makes.
    init?(_ bytes: [UInt8]) {
        guard let texts = Self.texts(bytes), texts.count >= Self.heads, texts[0] == Self.format,
            let kind = Ask.Kind(rawValue: texts[1]), let after = UInt64(texts[3]),
            let request = UInt64(texts[4]), let pid = UInt32(texts[5]),
            let ask = Ask(kind, texts[Self.heads...])
        else { return nil }
        self.init(
            ask: ask, stream: texts[2],
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

extension InboxRequest.Ask {
    private static let withoutDetails = "no-details"

    fileprivate var arguments: [String] {
        switch self {
        case .retry, .drop: ids.map(\.text)
        case .stop(let invocation): [String(invocation.rawValue)]
        case .health: []
        case .sync(let mode, let noDetails):
            [mode.name] + (noDetails ? [Self.withoutDetails] : [])
        }
    }

    fileprivate init?(_ kind: Kind, _ arguments: ArraySlice<String>) {
        let ids = arguments.map { RecordID($0) }
        switch (kind, arguments.first) {
        case (.retry, .some): self = .retry(ids)
        case (.drop, .some): self = .drop(ids)
        case (.stop, let position?):
            guard let position = UInt64(position) else { return nil }
            self = .stop(Position(position))
        case (.health, nil): self = .health
        case (.sync, let name?):
            guard let mode = RunMode.allCases.first(where: { $0.name == name }), mode != .health
            else { return nil }
            self = .sync(mode, noDetails: arguments.dropFirst().first == Self.withoutDetails)
        default: return nil
        }
    }
}
