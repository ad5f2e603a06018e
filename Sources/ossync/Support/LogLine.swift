import EventLog
import Glibc
import Logging
import SyncCore

/// One line of what a sync logs, in either form.
struct LogLine {
    enum Format: String, Sendable, CaseIterable {
        case human, json
    }

    /// The names of metadata that lines for people have too.
    static let event = "event"
    private static let position = "position"

    let time: LogTime
    let level: Logger.Level
    let message: String
    /// What it is about: of an event its position, kind, run and stream.
    let metadata: Logger.Metadata

    init(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        time = LogTime(nanoseconds: Int64(now.tv_sec) * .nsPerSecond + Int64(now.tv_nsec))
        self.level = level
        self.message = message
        self.metadata = metadata
    }

    /// Free of control characters, whatever the API sent.
    func text(_ format: Format) -> String {
        switch format {
        case .human: words.withoutControls
        case .json: json.line
        }
    }

    /// `TIME LEVEL @POSITION EVENT: MESSAGE`
    private var words: String {
        let about = [
            metadata[Self.position].map { "@\($0)" }, metadata[Self.event].map { "\($0):" },
        ].compactMap { $0 }
        return ([time.rfc3339(), "\(level)"] + about + [message]).joined(separator: " ")
    }

    private var json: JSONText {
        let about = metadata.sorted { $0.key < $1.key }.map { name, value in
            if case .stringConvertible(let number as UInt64) = value {
                return (name, JSONText.number(number))
            }
            return (name, JSONText.string("\(value)".withoutControls))
        }
        return .object(
            [
                ("time", .string(time.rfc3339())), ("level", .string("\(level)")),
                ("message", .string(message.withoutControls)),
            ] + about)
    }
}

extension LogLine {
    /// What the line of an event says beside its message.
    static func metadata(of event: LoggedEvent, _ control: ControlState) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            Self.position: .stringConvertible(event.position.rawValue),
            Self.event: "\(event.event.type.name)",
        ]
        if let run = event.run.runText { metadata["run"] = "\(run)" }
        if event.stream != .none { metadata["stream"] = "\(control[event.stream].name)" }
        return metadata
    }
}

/// Writes log lines to files.
struct FileLogHandler: LogHandler {
    private let files: [LogFile]
    private let format: LogLine.Format
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    init(_ files: [LogFile], _ format: LogLine.Format) {
        self.files = files
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let text = LogLine(event.level, "\(event.message)", all).text(format)
        for file in files { file.append(text) }
    }
}
