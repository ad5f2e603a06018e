internal import CLMDB
internal import Glibc
internal import Locks

/// Knows every environment that is open in this process, by its data file.
///
/// Opening one twice breaks LMDB's locks (200 of 200 snapshot reads, in a test).
final class EnvironmentRegistry: Sendable {
    static let shared = EnvironmentRegistry()

    struct Key: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    /// One opening of a file; `serial` tells it from earlier ones, whose handle may have had the
    /// same address.
    private struct Entry {
        weak var environment: Environment?
        let handle: Handle
        let serial: UInt64
    }

    private struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var lastSerial: UInt64 = 0
    }

    private let state = Mutex(State())

    func open(
        _ path: String, _ options: EnvironmentOptions
    ) throws(LMDBError) -> Environment {
        guard let file = FileSystem.identity("\(path)/data.mdb") else {
            let status = errno == ENOTDIR ? ENOENT : errno
            throw LMDBError(status: status, operation: "open", path: path)
        }
        let key = Key(device: file.device, inode: file.inode)
        let environment = try state.withLock { state throws(LMDBError) in
            if let entry = state.entries[key] {
                if let open = entry.environment { return open }
                // Its last holder has let it go on another thread, and waits to close it: do it
                // here, since two openings at a time must not be.
                mdb_env_close(entry.handle.pointer)
                state.entries[key] = nil
            }
            let folder = FileSystem.identity(path)?.inode
            let environment = try Environment.openExisting(path, options, key: key)
            // Its data file and its lock file must be of one folder: it may be replaced.
            guard FileSystem.identity(path)?.inode == folder,
                FileSystem.identity("\(path)/data.mdb")?.inode == file.inode
            else {
                throw LMDBError(
                    .busy, operation: "open", path: path, detail: "it was replaced meanwhile")
            }
            state.lastSerial += 1
            environment.register(state.lastSerial)
            state.entries[key] = Entry(
                environment: environment, handle: Handle(pointer: environment.handle),
                serial: state.lastSerial)
            return environment
        }
        // Compared out here: letting an environment go may close it, which takes the lock.
        guard environment.options.fit(options) else {
            throw LMDBError(
                .conflictingOpen, operation: "open", path: path,
                detail: "it is open in this process with other options")
        }
        return environment
    }

    /// Closes an opening whose last holder is gone, unless a new one has done so.
    func close(_ key: Key, serial: UInt64) {
        state.withLock { state in
            guard let entry = state.entries[key], entry.serial == serial else { return }
            mdb_env_close(entry.handle.pointer)
            state.entries[key] = nil
        }
    }
}

extension EnvironmentOptions {
    /// Whether one that is open serves whoever would open it in another way: what is only read
    /// needs no more room than it has.
    fileprivate func fit(_ wanted: EnvironmentOptions) -> Bool {
        var wanted = wanted
        if readOnly, wanted.readOnly { wanted.mapSize = mapSize }
        return self == wanted
    }
}
