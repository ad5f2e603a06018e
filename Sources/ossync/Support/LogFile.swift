import Glibc
import LMDB
import Locks

/// A log file that is only ever appended to, a line at a time, by any number of processes.
///
/// One that was renamed or removed is opened anew before the next line, so that whoever rotates it
/// need tell nobody. A log must not stop a sync: what can't be written or rotated is let go.
final class LogFile: Sendable {
    /// How large a file may grow, and how many older ones are kept beside it: `PATH.1` is the
    /// newest of them.
    struct Rotation: Sendable, Equatable {
        let maxBytes: Int
        let keep: Int
    }

    private struct State {
        var descriptor: Int32
        /// A line that makes it larger begins another file.
        var limit: Int
        /// The last line was cut off for want of room.
        var isTorn = false
    }

    private let path: String
    /// Nil where that is somebody else's business.
    private let rotation: Rotation?
    private let state: Mutex<State>

    /// - Returns: nil when the file can't be opened; a sync goes on without it.
    init?(_ path: String, _ rotation: Rotation? = nil) {
        self.path = path
        self.rotation = rotation
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { return nil }
        state = Mutex(State(descriptor: descriptor, limit: rotation?.maxBytes ?? .max))
    }

    deinit { close(state.withLock { $0.descriptor }) }

    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    }

    /// Appends one line with one write, so that lines of several processes never mix.
    func append(_ line: String) {
        state.withLock { state in
            follow(&state)
            let bytes = Array(((state.isTorn ? "\n" : "") + line + "\n").utf8)
            makeRoom(for: bytes.count, &state)
            let count = bytes.withUnsafeBytes {
                write(state.descriptor, $0.baseAddress, $0.count)
            }
            // The next line must not go on with half of this one.
            if count > 0 { state.isTorn = count < bytes.count }
        }
    }

    /// Opens the file of that name, where the one that is open has lost it.
    private func follow(_ state: inout State) {
        guard !isInPlace(state) else { return }
        let descriptor = Self.open(path)
        // What is open can still be written to.
        guard descriptor >= 0 else { return }
        close(state.descriptor)
        state = State(descriptor: descriptor, limit: rotation?.maxBytes ?? .max)
    }

    private func isInPlace(_ state: State) -> Bool {
        var (opened, there) = (stat(), stat())
        return fstat(state.descriptor, &opened) == 0 && stat(path, &there) == 0
            && opened.st_ino == there.st_ino && opened.st_dev == there.st_dev
    }

    private func makeRoom(for count: Int, _ state: inout State) {
        guard let rotation else { return }
        var info = stat()
        guard fstat(state.descriptor, &info) == 0, info.st_size > 0,
            Int(info.st_size) + count > state.limit
        else { return }
        if !rotate(rotation, state) {
            // Not at each line anew.
            state.limit = Int(info.st_size) + rotation.maxBytes
        }
        follow(&state)
    }

    /// Gives each file the name of the next older one, under a lock on their folder: of several
    /// processes one does it.
    ///
    /// - Returns: false when it can't be done.
    private func rotate(_ rotation: Rotation, _ state: State) -> Bool {
        let folder = Glibc.open(
            FileSystem.parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return false }
        defer { close(folder) }
        // Nobody is waited for: whoever has the lock is rotating.
        guard flock(folder, LOCK_EX | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
        guard isInPlace(state) else { return true }
        for number in stride(from: rotation.keep - 1, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        guard rename(path, "\(path).1") == 0 else { return false }
        // More were kept before.
        var number = rotation.keep + 1
        while unlink("\(path).\(number)") == 0 { number += 1 }
        return true
    }
}
