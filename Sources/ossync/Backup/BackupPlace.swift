import Glibc
import LMDB
import SyncEngine

/// Where a backup is to be made.
enum BackupPlace {
    /// The absolute path of a destination at which a backup may be made.
    ///
    /// - Throws: exit 2 where one may not be; nothing was touched.
    static func resolve(_ text: String, store: StoreFolder) throws -> String {
        var path = text
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        var info = stat()
        if lstat(path, &info) == 0 {
            guard let real = real(path) else {
                throw refusal(path, "it leads nowhere")
            }
            path = real
            guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
                throw refusal(path, "it is there already, and no folder")
            }
            guard let names = FileSystem.names(in: path), names.isEmpty else {
                throw refusal(path, "it is there already, and not empty")
            }
        } else {
            let parent = FileSystem.parent(of: path)
            guard let real = real(parent) else {
                throw refusal(path, "there is no folder \(parent) to make it in")
            }
            let name = path.split(separator: "/").last.map(String.init) ?? ""
            guard !["", ".", ".."].contains(name) else { throw refusal(path, "it has no name") }
            path = real == "/" ? "/\(name)" : "\(real)/\(name)"
        }
        try checkPlace(path, store)
        return path
    }

    private static func checkPlace(_ path: String, _ store: StoreFolder) throws {
        if let own = real(store.path), path == own || path.hasPrefix("\(own)/") {
            throw refusal(path, "it is within the store itself")
        }
        let parent = FileSystem.parent(of: path)
        var (inside, outside) = (stat(), stat())
        if stat(path, &inside) == 0, stat(parent, &outside) == 0, inside.st_dev != outside.st_dev {
            throw refusal(path, "a file system begins there; name a folder in it")
        }
        if let network = FileSystem.networkName(parent) {
            throw refusal(
                path,
                "it is on \(network), where a log can't be checked; make it on a local disk "
                    + "and copy the folder there")
        }
    }

    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func refusal(_ path: String, _ reason: String) -> CommandFailure {
        CommandFailure(ExitCode.usage, "\(path): no backup can be made here: \(reason)")
    }
}
