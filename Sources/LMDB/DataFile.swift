internal import Glibc

/// Checks a data file before LMDB maps it: a file that is no environment, or not a whole one,
/// would otherwise end this process with a signal.
///
/// It opens and closes the file itself, which drops this process's locks on it: never to be used
/// while the environment is open here. The layout is that of LMDB 0.9 on 64-bit systems: two meta
/// pages, each a page header of 16 bytes and a meta record; numbers are in native byte order.
struct DataFile {
    static let magic: UInt32 = 0xBEEF_C0DE
    static let version: UInt32 = 1

    static func path(in directory: String) -> String { directory + "/data.mdb" }

    /// The part of a meta record that says how far the file must reach.
    struct Meta {
        let pageSize: Int
        let freeListRoot: UInt64
        let lastPage: UInt64
        let transaction: UInt64
    }

    private let descriptor: Int32
    private let directory: String

    /// Throws `notFound`, `permission`, `io`, `notAnEnvironment`, `versionMismatch` or `truncated`
    /// when the environment in `directory` can't be opened.
    static func check(_ directory: String) throws(LMDBError) {
        let path = Self.path(in: directory)
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw LMDBError(status: errno, operation: "open", path: directory)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LMDBError(
                .notAnEnvironment, operation: "open", path: directory,
                detail: "data.mdb is not a regular file")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw LMDBError(status: errno, operation: "open", path: directory)
        }
        defer { close(descriptor) }
        let file = DataFile(descriptor: descriptor, directory: directory)
        // A writer in another process may commit while the pages are read: then look again.
        for _ in 0..<8 {
            let meta = try file.newestMeta()
            let isWhole = try file.isWhole(meta)
            if isWhole { return }
            guard try file.newestMeta().transaction == meta.transaction else { continue }
            let size = try file.size()
            throw file.error(
                .truncated,
                "the data file has \(size) bytes, its last commit uses page \(meta.lastPage) "
                    + "of \(meta.pageSize) bytes")
        }
        throw file.error(.busy, "the data file changes while it is checked")
    }

    private func newestMeta() throws(LMDBError) -> Meta {
        let first = try meta(at: 0)
        guard try size() >= 2 * first.pageSize else {
            throw error(.truncated, "the data file ends within its two meta pages")
        }
        let second = try meta(at: first.pageSize)
        guard first.pageSize == second.pageSize else {
            throw error(.notAnEnvironment, "the meta pages name different page sizes")
        }
        return first.transaction >= second.transaction ? first : second
    }

    private func meta(at offset: Int) throws(LMDBError) -> Meta {
        let found = try FileSystem.read(descriptor, at: offset, count: 152, path: directory)
        guard let bytes = found else {
            let isEmpty = try size() == 0
            throw error(
                offset > 0 || isEmpty ? .truncated : .notAnEnvironment,
                "the data file is too short for a meta page")
        }
        let flags: UInt16 = number(bytes, at: 10)
        guard number(bytes, at: 16) == Self.magic, flags & 0x08 != 0 else {
            throw error(.notAnEnvironment, "data.mdb is not an LMDB environment")
        }
        let version: UInt32 = number(bytes, at: 20)
        guard version == Self.version else {
            throw error(
                .versionMismatch,
                "data.mdb has format \(version), this program reads \(Self.version)")
        }
        let pageSize = Int(number(bytes, at: 40) as UInt32)
        guard pageSize >= 512, pageSize <= 65_536, pageSize & (pageSize - 1) == 0 else {
            throw error(.notAnEnvironment, "data.mdb names a page size of \(pageSize)")
        }
        return Meta(
            pageSize: pageSize, freeListRoot: number(bytes, at: 80),
            lastPage: number(bytes, at: 136),
            transaction: number(bytes, at: 144))
    }

    private func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: [UInt8], at offset: Int
    ) -> Value {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }

    /// Whether every page of the last commit is in the file, or is missing because it is free.
    ///
    /// A transaction that frees pages it took itself never writes them, so a healthy file may end
    /// before its last page: what is missing must then be on the free list.
    private func isWhole(_ meta: Meta) throws(LMDBError) -> Bool {
        let present = UInt64(try size() / meta.pageSize)
        guard meta.lastPage >= present else { return true }
        guard meta.lastPage < UInt64(Int.max / meta.pageSize) else { return false }
        let missing = present...meta.lastPage
        let list = FreeList(
            descriptor: descriptor, directory: directory, pageSize: meta.pageSize,
            root: meta.freeListRoot)
        return try list.covers(missing)
    }

    private func size() throws(LMDBError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw LMDBError(status: errno, operation: "open", path: directory)
        }
        return status.st_size
    }

    private func error(_ code: LMDBError.Code, _ detail: String) -> LMDBError {
        LMDBError(code, operation: "open", path: directory, detail: detail)
    }
}
