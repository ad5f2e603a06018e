internal import CLMDB
internal import Glibc

/// What must be asked of the file system, below an environment and around it.
package enum FileSystem {
    /// Network file systems by their `statfs` magic: their locks and memory maps can't be trusted.
    private static let network: [Int: String] = [
        0x6969: "NFS", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x517B: "SMB", 0x0102_1997: "9p",
        0x5346_414F: "AFS", 0x6B41_4653: "AFS", 0x00C3_6400: "Ceph", 0x0BD0_0BD0: "Lustre",
        0x0116_1970: "GFS2", 0x7461_636F: "OCFS2", 0x786F_4256: "vboxsf",
    ]

    /// The kind of the network file system that a path is on; nil where it is on none.
    package static func networkName(_ path: String) -> String? {
        var info = statfs()
        guard statfs(path, &info) == 0 else { return nil }
        return networkName(magic: Int(info.f_type))
    }

    /// - Parameter magic: `f_type` of `statfs`; its upper half may be a sign.
    static func networkName(magic: Int) -> String? { network[magic & 0xFFFF_FFFF] }

    static func isFull(_ path: String) -> Bool {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return false }
        return UInt64(info.f_bavail) * UInt64(info.f_frsize) < 1 << 20
    }

    /// Size, device and inode of a file; nil when there is none.
    static func identity(_ path: String) -> (size: UInt64, device: UInt64, inode: UInt64)? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return (UInt64(info.st_size), UInt64(info.st_dev), UInt64(info.st_ino))
    }

    /// The bytes that a file has; nil when there is none.
    package static func size(_ path: String) -> UInt64? { identity(path)?.size }

    /// So many bytes of a file at an offset; nil when they aren't all there.
    ///
    /// - Parameter path: what is named where the file can't be read, which says nothing about what
    ///   is in it.
    static func read(
        _ descriptor: Int32, at offset: Int, count: Int, path: String
    ) throws(LMDBError) -> [UInt8]? {
        var status: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let read = pread(descriptor, buffer.baseAddress, count, offset)
            if read < 0 { status = errno }
            initialized = max(0, read)
        }
        guard status == 0 else { throw LMDBError(status: status, operation: "read", path: path) }
        return bytes.count == count ? bytes : nil
    }

    /// The names in a folder, in no particular order; nil where it can't be read.
    package static func names(in path: String) -> [String]? {
        let found = read(folder: path)
        return found.status == 0 ? found.names : nil
    }

    /// The names in a folder, in no particular order; none where there is no folder.
    ///
    /// - Throws: where it can't be read, which says nothing about what is in it.
    package static func entries(of path: String) throws(LMDBError) -> [String] {
        let found = read(folder: path)
        guard found.status == 0 || found.status == ENOENT else {
            throw LMDBError(status: found.status, operation: "read folder", path: path)
        }
        return found.names
    }

    private static func read(folder path: String) -> (names: [String], status: Int32) {
        guard let folder = opendir(path) else { return ([], errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { return (names, errno) }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// Whether this user, by what it may do, can write to a file, or make one in a folder.
    package static func isWritable(_ path: String) -> Bool {
        faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0
    }

    /// Whether this user can run a program.
    package static func isExecutable(_ path: String) -> Bool {
        faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0
    }

    /// Whether two paths lead to one file or folder.
    package static func isSame(_ path: String, _ other: String) -> Bool {
        guard let one = identity(path), let two = identity(other) else { return path == other }
        return one.device == two.device && one.inode == two.inode
    }

    /// The folder that a file or folder is in.
    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Removes a folder with all that is in it, as far as that can be. A link is removed, and never
    /// followed.
    package static func remove(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in names(in: path) ?? [] { remove("\(path)/\(name)") }
        rmdir(path)
    }

    /// Makes a folder where there is none (mode 0700), durably.
    package static func makeFolder(_ path: String) throws(LMDBError) {
        guard mkdir(path, 0o700) != 0 else { return try sync(folder: parent(of: path)) }
        guard errno == EEXIST else {
            throw LMDBError(status: errno, operation: "create folder", path: path)
        }
    }

    /// Gives a file or folder another name in the same folder, durably.
    package static func move(_ path: String, to other: String) throws(LMDBError) {
        guard rename(path, other) == 0 else {
            throw LMDBError(status: errno, operation: "rename", path: other)
        }
        try sync(folder: parent(of: other))
    }

    /// Makes what was done in a folder (a creation, a rename) durable.
    package static func sync(folder path: String) throws(LMDBError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // One that may be written to but not read can't be opened for a sync.
            if errno == EACCES { return }
            throw LMDBError(status: errno, operation: "open folder", path: path)
        }
        let status = fsync(descriptor) == 0 ? 0 : errno
        Glibc.close(descriptor)
        // Of a file system that knows no sync of a folder.
        guard [0, EINVAL, ENOTSUP, ENOSYS, EBADF].contains(status) else {
            throw LMDBError(status: status, operation: "sync folder", path: path)
        }
    }
}
