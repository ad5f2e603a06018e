internal import Glibc

/// Who holds a store.
package struct LockHolder: Sendable, Equatable, CustomStringConvertible {
    package let pid: Int32
    package let host: String
    package let user: String
    /// When it took the lock, as text (RFC 3339).
    package let since: String
    /// What it does, for example `sync --mode full`.
    package let activity: String
    /// What it does for others that leave a request in the inbox.
    package let takes: [InboxRequest.Ask.Kind]
    /// How far it is, when the store tells.
    package var progress = ""

    package init(
        pid: Int32, host: String, user: String, since: String, activity: String,
        takes: [InboxRequest.Ask.Kind] = []
    ) {
        self.pid = pid
        self.host = host
        self.user = user
        self.since = since
        self.activity = activity
        self.takes = takes
    }

    package var description: String {
        let where_ = progress.isEmpty ? "" : " (\(progress))"
        return "the store is in use: `ossync \(activity)`, pid \(pid) on \(host), user \(user), "
            + "since \(since)\(where_); wait for it, stop it, or use --if-running "
            + (takes.contains(.sync) ? "ask" : "wait")
    }

    fileprivate var text: String {
        [
            String(pid), host, user, since, activity,
            takes.map(\.rawValue).joined(separator: " "),
        ].joined(separator: "\n")
    }

    fileprivate init(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let line = { (index: Int) in index < lines.count ? lines[index] : "?" }
        self.init(
            pid: Int32(line(0)) ?? 0, host: line(1), user: line(2), since: line(3),
            activity: line(4),
            takes: line(5).split(separator: " ").compactMap { .init(rawValue: String($0)) })
    }
}

/// The lock that the one engine of a store holds: `STORE/lock`, by `flock`.
///
/// The kernel frees it with the process, however it ends. Readers never take it.
package final class EngineLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Whether a process holds a store, by what the kernel says (proc(5), `/proc/locks`); nil where
    /// it says nothing.
    ///
    /// A reader must not try the lock itself: a run that started just then would be refused.
    package static func isHeld(_ folder: StoreFolder) -> Bool? {
        var info = stat()
        guard stat(folder.lock, &info) == 0 else { return false }
        guard let locks = TextFile.read("/proc/locks") else { return nil }
        let place = ":\(info.st_ino) "
        return locks.split(separator: "\n").contains {
            $0.contains(" FLOCK ") && $0.contains(place)
        }
    }

    /// Who holds a store, where somebody does; it is not asked for the lock.
    package static func holder(of folder: StoreFolder) -> LockHolder? {
        guard isHeld(folder) == true else { return nil }
        let descriptor = open(folder.lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return other(descriptor)
    }

    /// Who holds the lock; whoever has just taken it may not have said so yet.
    private static func other(_ descriptor: Int32) -> LockHolder {
        for _ in 0..<50 {
            lseek(descriptor, 0, SEEK_SET)
            if let text = TextFile.read(descriptor: descriptor), !text.isEmpty {
                return LockHolder(text: text)
            }
            usleep(2_000)
        }
        return LockHolder(text: "")
    }

    /// Takes the lock, and says in it who holds it.
    ///
    /// - Throws: `.locked` when another process has it.
    package static func take(
        _ folder: StoreFolder, holder: LockHolder
    ) throws(EngineError) -> EngineLock {
        let descriptor = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .system(
                operation: "open the lock", path: folder.lock,
                reason: String(cString: strerror(errno)))
        }
        let lock = EngineLock(descriptor: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { throw .locked(other(descriptor)) }
            throw .system(
                operation: "lock", path: folder.lock, reason: String(cString: strerror(errno)))
        }
        let bytes = Array(holder.text.utf8)
        guard ftruncate(descriptor, 0) == 0,
            pwrite(descriptor, bytes, bytes.count, 0) == bytes.count || errno == ENOSPC
        else {
            throw .system(
                operation: "write the lock", path: folder.lock,
                reason: String(cString: strerror(errno)))
        }
        return lock
    }
}
