import Glibc
import LMDB
import SyncEngine

/// The files of a store as the file system has them: whose they are, and what doesn't belong there.
struct StoreFiles {
    private let folder: StoreFolder
    private let user: uid_t

    init(_ folder: StoreFolder) {
        self.folder = folder
        user = Self.info(folder.path)?.st_uid ?? geteuid()
    }

    /// The name of the user whose store it is.
    var owner: String { Self.name(user) }

    /// What each sync writes to, as far as it is there.
    private var written: [String] {
        let log = "\(folder.path)/log"
        let tables = (FileSystem.names(in: folder.projections) ?? []).sorted().flatMap {
            ["\(folder.projections)/\($0)", "\(folder.projections)/\($0)/data.mdb"]
        }
        return
            ([folder.path, folder.lock, log, "\(log)/data.mdb", "\(log)/lock.mdb", folder.inbox]
            + [folder.logs, folder.combinedLog, folder.projections, "\(folder.projections)/lock"]
            + tables).filter { access($0, F_OK) == 0 }
    }

    /// Those of them that this user can't write to.
    var unwritable: [String] { written.filter { !FileSystem.isWritable($0) } }

    /// Those of them that are not the owner's, with whose they are.
    var others: [(path: String, owner: String)] {
        written.compactMap { path in
            guard let info = Self.info(path), info.st_uid != user else { return nil }
            return (path, Self.name(info.st_uid))
        }
    }

    /// The log's file or the store's folder where other users can get at the records.
    var exposed: String? {
        // Behind a folder that is closed to them, what is in it doesn't count.
        let way = [folder.path, "\(folder.path)/log"]
        guard way.allSatisfy({ (Self.info($0)?.st_mode ?? 0) & 0o005 != 0 }) else { return nil }
        let file = "\(folder.path)/log/data.mdb"
        return (Self.info(file)?.st_mode ?? 0) & 0o004 != 0 ? file : nil
    }

    /// How long a command takes at most from making a request's file to giving it its name.
    private static let mostMakingSeconds = 60

    /// Requests that were never finished.
    var leftovers: [String] {
        let now = time(nil)
        return (FileSystem.names(in: folder.inbox) ?? []).filter { name in
            guard name.hasPrefix("."), let info = Self.info("\(folder.inbox)/\(name)") else {
                return false
            }
            return now - info.st_mtim.tv_sec > Self.mostMakingSeconds
        }.sorted()
    }

    /// Older logs whose names are not ours: ours end with a number.
    var rotated: [String] {
        (FileSystem.names(in: folder.logs) ?? []).filter { name in
            let own = "combined.log"
            guard name.hasPrefix(own), name != own else { return false }
            return !name.hasPrefix(own + ".") || Int(name.dropFirst(own.count + 1)) == nil
        }.sorted()
    }

    private static func info(_ path: String) -> stat? {
        var info = stat()
        return stat(path, &info) == 0 ? info : nil
    }

    private static func name(_ user: uid_t) -> String {
        getpwuid(user).flatMap { String(cString: $0.pointee.pw_name) } ?? "user \(user)"
    }
}
