import Glibc
import LMDB
import RESTSource
import SyncCore
import SyncEngine

/// Tells one channel, with as many tries as it is given.
struct AlertChannel {
    let channel: Configuration.Channel
    /// When all tries end, by the clock since boot; nil: each has its whole time.
    var endNs: Int64?

    /// What became of it.
    struct Outcome {
        var attempts: UInt32 = 0
        /// Why it could not be told, without any secret; nil where it was.
        var problem: String?
    }

    /// What one try ended with.
    enum Attempt {
        case delivered
        case failed(String)
        /// Another try would end no other way.
        case refused(String)
    }

    func tell(_ message: AlertMessage) -> Outcome {
        AlertTries(most: channel.attempts, timeoutMs: channel.timeoutMs, endNs: endNs).run {
            attempt(message, timeoutMs: $0)
        }
    }

    private func attempt(_ message: AlertMessage, timeoutMs: Int64) -> Attempt {
        switch channel.way {
        case .command(let words): run(words, message, timeoutMs)
        case .webhook(let webhook): post(webhook, message, timeoutMs)
        case .file(let path): append(message, to: path)
        }
    }

    private func run(
        _ words: [String], _ message: AlertMessage, _ timeoutMs: Int64
    ) -> Attempt {
        do {
            let result = try ExternalProgram.run(
                words.enumerated().map { $0 == 0 ? $1 : message.filled($1) },
                input: Array((message.json.line + "\n").utf8),
                environment: message.variables, keepsOutput: false, timeoutMs: timeoutMs)
            guard !result.wasKilled else {
                return .failed(
                    Interruption.isAsked
                        ? "stopped by a signal"
                        : "killed: it did not end in \(timeoutMs / 1_000) s")
            }
            // What it said may be a secret of its own.
            return result.code == 0
                ? .delivered : .failed("it ended with exit \(result.code)")
        } catch {
            return .refused(CommandFailure(describing: error).message)
        }
    }

    private func post(
        _ webhook: Configuration.Webhook, _ message: AlertMessage, _ timeoutMs: Int64
    ) -> Attempt {
        do {
            let body = Array(message.json.line.utf8)
            var headers = [HTTPField(name: "Content-Type", value: "application/json")]
            headers += try webhook.headers.map {
                HTTPField(name: $0.name, value: try $0.value.resolve())
            }
            let now = SystemClock().read().wall.rawValue / .nsPerSecond
            let signature = WebhookSignature(id: message.id, seconds: now, body: body)
            headers += signature.headers(secret: try webhook.secret?.resolve())
            return AlertRequest(
                address: try webhook.url.resolve(), allowPlainHTTP: webhook.allowPlainHTTP,
                timeoutMs: timeoutMs
            ).send("POST", headers, body)
        } catch {
            return .refused(CommandFailure(describing: error).message)
        }
    }

    /// Appends a line that is on the disk when this returns.
    private func append(_ message: AlertMessage, to path: String) -> Attempt {
        func problem(_ what: String) -> Attempt {
            .failed("\(path): \(what): \(String(cString: strerror(errno)))")
        }
        var info = stat()
        let isNew = stat(path, &info) != 0
        // A pipe would be waited for until somebody reads it.
        let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let file = open(path, flags, 0o600)
        guard file >= 0 else { return problem("can't be opened") }
        defer { close(file) }
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            return .refused(Self.irregular(path))
        }
        // A line must not go on with what a full disk cut off.
        var last: UInt8 = 0
        let isTorn =
            info.st_size > 0
            && pread(file, &last, 1, info.st_size - 1) == 1 && last != UInt8(ascii: "\n")
        let bytes = Array(((isTorn ? "\n" : "") + message.json.line + "\n").utf8)
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count else {
            return count < 0 ? problem("can't be written") : .failed("\(path): the disk is full")
        }
        guard fsync(file) == 0 || errno == EINVAL else { return problem("can't be synced") }
        if isNew { try? FileSystem.sync(folder: FileSystem.parent(of: path)) }
        return .delivered
    }

    /// What is said of a pipe, a device and the like: they keep nothing.
    static func irregular(_ path: String) -> String {
        "\(path) is no regular file, so nothing would be kept in it; use command to write to it"
    }
}

/// One request to an address that somebody configured for alerts.
struct AlertRequest {
    let address: String
    let allowPlainHTTP: Bool
    let timeoutMs: Int64

    /// - Returns: what a try ended with; the address is not named, it may be a secret.
    func send(
        _ method: String, _ headers: [HTTPField], _ body: [UInt8] = []
    ) -> AlertChannel.Attempt {
        if let reason = HTTPCall.refusal(of: address, allowPlainHTTP: allowPlainHTTP) {
            return .refused("the address \(reason)")
        }
        do throws(TransportError) {
            let agent = HTTPField(name: "User-Agent", value: "ossync/\(Version.text)")
            let status = try HTTPCall().status(
                of: HTTPRequest(
                    method: method, url: address, headers: [agent] + headers, content: body),
                timeoutMs: Int(timeoutMs))
            switch status {
            case 200..<300: return .delivered
            case 300..<400: return .refused("HTTP \(status): redirects aren't followed")
            case 408, 429, 500...: return .failed("HTTP \(status)")
            default: return .refused("HTTP \(status)")
            }
        } catch {
            return error.kind == .unavailable
                ? .refused(error.reason) : .failed("no answer (\(error.kind.rawValue))")
        }
    }
}
