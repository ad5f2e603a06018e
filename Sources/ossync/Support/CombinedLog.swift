import Glibc
import Logging
import SyncCore

/// A log file that is only ever appended to, a line at a time.
final class LogFile: Sendable {
    private let descriptor: Int32

    /// - Returns: nil when the file can't be opened; a sync goes on without it.
    init?(_ path: String) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Appends one line with one write, so that lines of several processes never mix. A full disk
    /// must not stop a sync for want of its log, so what can't be written is let go.
    func append(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// Writes log lines, `time level message`, to files, free of control characters.
struct FileLogHandler: LogHandler {
    let files: [LogFile]
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    init(files: [LogFile]) { self.files = files }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "\(Self.now()) \(event.level) \(event.message)"
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        let text = line.withoutControls
        for file in files { file.append(text) }
    }

    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let ns = Int64(time.tv_sec) * .nsPerSecond + Int64(time.tv_nsec)
        return LogTime(nanoseconds: ns).rfc3339()
    }
}
