internal import Synchronization

/// Knows every environment that is open in this process, by its data file.
///
/// Opening one twice breaks LMDB's locks (200 of 200 snapshot reads, in a test).
final class EnvironmentRegistry: Sendable {
    static let shared = EnvironmentRegistry()

    struct Key: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    private struct Entry {
        weak var environment: Environment?
    }

    private let entries = Mutex<[Key: Entry]>([:])

    func open(
        _ path: String, _ options: EnvironmentOptions
    ) throws(LMDBError) -> Environment {
        guard let file = FileSystem.identity("\(path)/data.mdb") else {
            throw LMDBError(.notFound, operation: "open", path: path)
        }
        let key = Key(device: file.device, inode: file.inode)
        return try entries.withLock { entries throws(LMDBError) in
            if let open = entries[key]?.environment {
                guard open.options == options else {
                    throw LMDBError(
                        .conflictingOpen, operation: "open", path: path,
                        detail: "it is open in this process with other options")
                }
                return open
            }
            let environment = try Environment.openExisting(path, options, key: key)
            entries[key] = Entry(environment: environment)
            return environment
        }
    }
}
