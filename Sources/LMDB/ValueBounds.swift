internal import CLMDB
internal import Glibc

/// How long a value can be where it lies.
///
/// LMDB believes the length that a page gives for a value: on a damaged one it may lead out of the
/// file, and reading there ends the process with SIGBUS. Within a map, pages lie at multiples of
/// their size; a value fits its page, or begins behind the header of one that says how many follow.
/// What a writer has changed lies elsewhere, so a writer's values aren't looked at.
struct ValueBounds {
    static let none = ValueBounds(pageSize: 0)

    private static let headerBytes: UInt = 16
    private static let flagsOffset = 10
    private static let pagesOffset = 12
    private static let overflowFlag: UInt16 = 4

    /// 0: anything is admitted.
    private let pageSize: UInt

    private init(pageSize: UInt) { self.pageSize = pageSize }

    init(_ environment: OpaquePointer) {
        var stat = MDB_stat()
        let isKnown = mdb_env_stat(environment, &stat) == MDB_SUCCESS
        // A map begins where a page of the system does, which may be in the middle of a larger one.
        pageSize =
            isKnown && Int(stat.ms_psize) == sysconf(Int32(_SC_PAGESIZE))
            ? UInt(stat.ms_psize) : 0
    }

    @inline(__always)
    func admit(_ value: MDB_val) -> Bool {
        if pageSize == 0 { return true }
        let offset = UInt(bitPattern: value.mv_data) & (pageSize - 1)
        return UInt(value.mv_size) <= pageSize - offset || admitOverflow(value, offset)
    }

    private func admitOverflow(_ value: MDB_val, _ offset: UInt) -> Bool {
        guard offset == Self.headerBytes, let data = value.mv_data else { return false }
        let page = UnsafeRawPointer(data) - Int(offset)
        let flags = page.load(fromByteOffset: Self.flagsOffset, as: UInt16.self)
        let pages = page.load(fromByteOffset: Self.pagesOffset, as: UInt32.self)
        return flags & Self.overflowFlag != 0
            && UInt(value.mv_size) <= UInt(pages) * pageSize - Self.headerBytes
    }

    static func error(_ operation: String, _ path: String) -> LMDBError {
        LMDBError(
            .corrupted, operation: operation, path: path,
            detail: "a value claims to be longer than its pages")
    }
}
