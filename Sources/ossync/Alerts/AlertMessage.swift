import SyncCore
import SyncEngine

/// What a channel is told.
struct AlertMessage {
    enum Kind: String {
        case raised, reminder, recovered, test
    }

    let kind: Kind
    /// The rule's name.
    let alert: String
    /// Empty for a test.
    let stream: String
    let text: String
    /// When it was decided, and since when the alert stands.
    let time: LogTime
    let since: LogTime
    /// Of the event; nil for a test.
    let position: Position?
    let store: String
    let host: String

    /// The same for each try of one message, so that who gets it twice can tell.
    var id: String { "ossync-\(time.rawValue)-\(position?.rawValue ?? 0)" }

    /// What it says, in one line.
    var sentence: String {
        switch kind {
        case .raised: "ossync: \(alert) (\(stream)): \(text)"
        case .reminder: "ossync: \(alert) (\(stream)) still stands: \(text)"
        case .recovered: "ossync: \(alert) (\(stream)) is over: \(text)"
        case .test: "ossync: \(text)"
        }
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "alert"), ("id", .string(id)),
            ("event", .string(kind.rawValue)), ("alert", .string(alert)),
            ("stream", stream.isEmpty ? .null : .string(stream.withoutControls)),
            ("text", .string(text.withoutControls)), ("time", .string(time.rfc3339())),
            ("since", .string(since.rfc3339())),
            ("position", position.map { .number($0.rawValue) } ?? .null),
            ("store", .string(store.withoutControls)), ("host", .string(host.withoutControls)),
        ])
    }

    /// The same for programs that read no JSON.
    var variables: [(name: String, value: String)] {
        [
            ("ID", id), ("EVENT", kind.rawValue), ("NAME", alert), ("STREAM", stream),
            ("TEXT", text), ("TIME", time.rfc3339()), ("SINCE", since.rfc3339()),
            ("POSITION", position.map { String($0.rawValue) } ?? ""), ("STORE", store),
            ("HOST", host),
        ].map { ("OSSYNC_ALERT_\($0)", $1.withoutControls) }
    }

    /// An argument with what it names filled in.
    func filled(_ argument: String) -> String {
        let values = [
            ("{text}", sentence), ("{alert}", alert), ("{event}", kind.rawValue),
            ("{stream}", stream),
        ]
        var (output, rest) = ("", argument[...])
        // One pass: what is filled in may have braces of its own.
        while let first = rest.firstIndex(of: "{") {
            output += rest[..<first]
            rest = rest[first...]
            if let (name, value) = values.first(where: { rest.hasPrefix($0.0) }) {
                output += value.withoutControls
                rest = rest.dropFirst(name.count)
            } else {
                output.append(rest.removeFirst())
            }
        }
        return output + rest
    }
}

extension AlertMessage {
    /// What is to be told of an alert now.
    init(_ alert: StandingAlert, stream: String, session: Session) {
        kind = alert.isFiring ? (alert.reminders == 0 ? .raised : .reminder) : .recovered
        self.alert = alert.rule.name
        self.stream = stream
        text = alert.text
        time = alert.noticeAt
        since = alert.raisedAt
        position = alert.notice
        store = session.folder.path
        host = session.requester.host
    }

    /// A message to see whether it arrives.
    init(testAt now: LogTime, session: Session) {
        kind = .test
        alert = "test"
        stream = ""
        text = "a test message: whoever reads it is told of alerts"
        time = now
        since = now
        position = nil
        store = session.folder.path
        host = session.requester.host
    }
}
