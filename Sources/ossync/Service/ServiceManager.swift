import Glibc
import SyncCore
import SyncEngine

/// Whatever started the service and wants to hear of it: systemd, by the protocol of sd_notify(3).
final class ServiceManager {
    private let channel: Channel
    /// How often it wants to hear that the service is alive; nil for never.
    private let watchdogNs: Int64?
    private var lastBeatNs: Int64 = 0
    private var lastStatus = ""

    /// - Returns: nil where nobody wants to hear of it.
    init?() {
        let path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        watchdogNs = Self.watchdogNs()
        // Programs that the service starts are not the service.
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) }
        guard let channel = path.flatMap({ Channel($0) }) else { return nil }
        self.channel = channel
    }

    deinit { channel.close() }

    private static func watchdogNs() -> Int64? {
        let number = { (name: String) in
            getenv(name).flatMap { Int64(String(cString: $0)) }
        }
        guard let microseconds = number("WATCHDOG_USEC"), microseconds > 0,
            number("WATCHDOG_PID").map({ $0 == Int64(getpid()) }) ?? true
        else { return nil }
        return microseconds.saturatingMultiply(1_000)
    }

    // MARK: What is told

    /// It does what it is there for.
    func ready() { send("READY=1") }

    /// It reads its configuration anew, until `ready` is told.
    func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)")
    }

    func stopping() { send("STOPPING=1\nSTATUS=") }

    /// What `systemctl status` shows; one line.
    func status(_ text: String) {
        guard text != lastStatus else { return }
        lastStatus = text
        send("STATUS=\(text)")
    }

    /// To be called by what must not hang, at least once a second.
    func beat(nowNs: Int64) {
        guard let watchdogNs, nowNs - lastBeatNs >= watchdogNs / 4 else { return }
        lastBeatNs = nowNs
        send(Self.alive)
    }

    /// Does something that may take longer than the watchdog waits, but ends by itself.
    ///
    /// - Parameter mostNs: after so long it is taken for what hangs, and the watchdog hears nothing
    ///   more.
    func working<Result>(
        mostNs: Int64 = ServiceManager.longestWorkNs, _ body: () throws -> Result
    ) rethrows -> Result {
        guard let watchdogNs else { return try body() }
        let (ended, done) = (Semaphore(), Semaphore())
        BackgroundThread.run { [channel] in
            let pauseNs = max(watchdogNs / 3, 1)
            var left = max(mostNs / pauseNs, 1)
            repeat {
                channel.send(Self.alive)
                left -= 1
            } while !ended.wait(ns: pauseNs) && left > 0
            done.signal()
        }
        defer {
            ended.signal()
            done.wait()
        }
        return try body()
    }

    /// No projection of a log that fits on a disk takes as long.
    static let longestWorkNs: Int64 = 3_600 * .nsPerSecond
    private static let alive = "WATCHDOG=1"

    private func send(_ text: String) { channel.send(text) }
}

/// The socket that a service manager reads.
private struct Channel: Sendable {
    private let descriptor: Int32
    private let address: sockaddr_un
    private let length: socklen_t

    private static let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2

    /// - Parameter path: of a file, or with `@` in front a name that is none.
    /// - Returns: nil for anything else.
    init?(_ path: String) {
        let bytes = Array(path.utf8)
        var address = sockaddr_un()
        guard bytes.count > 1, bytes.count < MemoryLayout.size(ofValue: address.sun_path),
            path.hasPrefix("/") || path.hasPrefix("@")
        else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { place in
            place.copyBytes(from: bytes)
            if path.hasPrefix("@") { place[0] = 0 }
        }
        self.address = address
        length = socklen_t(Self.pathOffset + bytes.count)
        descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { return nil }
    }

    func close() { Glibc.close(descriptor) }

    /// Nothing depends on it: a manager that doesn't listen is not waited for.
    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var address = address
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = sendto(
                    descriptor, bytes, bytes.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), pointer, length)
            }
        }
    }
}
