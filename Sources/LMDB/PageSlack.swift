internal import Glibc

/// Clears what the pages of a data file have besides their data.
///
/// LMDB writes a page as it is in memory, where it may have been another one before: the gap within
/// a page, and the end of the last page of a long value, hold bytes of values that were deleted or
/// replaced long ago. A copy without free pages has them, too. The layout is that of LMDB 0.9 on
/// 64-bit systems.
struct PageSlack {
    private static let headerBytes = 16
    private static let nodeBytes = 8
    private static let (branch, leaf, overflow) = (UInt16(1), UInt16(2), UInt16(4))
    private static let bigNode = UInt16(1)
    /// Behind its two meta pages.
    private static let firstPage = 2

    private let descriptor: Int32
    private let path: String
    private let pageSize: Int
    private let pages: Int

    /// - Parameters:
    ///   - descriptor: of a whole file without free pages, that nobody else knows of; for reading
    ///     and writing.
    ///   - path: what is named where it can't be read.
    static func clear(_ descriptor: Int32, _ path: String, pageSize: Int) throws(LMDBError) {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else {
            throw LMDBError(status: errno, operation: "read", path: path)
        }
        let slack = PageSlack(
            descriptor: descriptor, path: path, pageSize: pageSize,
            pages: Int(info.st_size) / pageSize)
        var page = Self.firstPage
        while page < slack.pages { page += try slack.clear(page) }
    }

    /// - Returns: so many pages further is the next one.
    private func clear(_ number: Int) throws(LMDBError) -> Int {
        let page = try read(number * pageSize, pageSize)
        let flags: UInt16 = Self.number(page, at: 10)
        if flags & Self.overflow != 0 {
            let count: UInt32 = Self.number(page, at: 12)
            return max(Int(count), 1)
        }
        guard flags == Self.leaf || flags == Self.branch else { return 1 }
        let lower = Int(Self.number(page, at: 12) as UInt16)
        let upper = Int(Self.number(page, at: 14) as UInt16)
        guard lower >= Self.headerBytes, lower <= upper, upper <= pageSize else { throw damaged }
        try clear(page[lower..<upper], at: number * pageSize + lower)
        guard flags == Self.leaf else { return 1 }
        for slot in stride(from: Self.headerBytes, to: lower, by: 2) {
            try clearEnd(of: Int(Self.number(page, at: slot) as UInt16), in: page)
        }
        return 1
    }

    /// Clears what is behind the value of a node, where that has pages of its own.
    private func clearEnd(of node: Int, in page: [UInt8]) throws(LMDBError) {
        guard node + Self.nodeBytes <= pageSize else { throw damaged }
        let flags: UInt16 = Self.number(page, at: node + 4)
        guard flags & Self.bigNode != 0 else { return }
        let size = Int(Self.number(page, at: node) as UInt32)
        let data = node + Self.nodeBytes + Int(Self.number(page, at: node + 6) as UInt16)
        guard data + 8 <= pageSize else { throw damaged }
        let first = Int(truncatingIfNeeded: Self.number(page, at: data) as UInt64)
        let count = (Self.headerBytes + size + pageSize - 1) / pageSize
        guard first >= Self.firstPage, first <= pages - count else { throw damaged }
        let end = first * pageSize + Self.headerBytes + size
        let slack = try read(end, (first + count) * pageSize - end)
        try clear(slack[...], at: end)
    }

    private func clear(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(LMDBError) {
        guard bytes.contains(where: { $0 != 0 }) else { return }
        let zeros = [UInt8](repeating: 0, count: bytes.count)
        guard pwrite(descriptor, zeros, zeros.count, off_t(offset)) == zeros.count else {
            throw LMDBError(status: errno, operation: "write", path: path)
        }
    }

    private func read(_ offset: Int, _ count: Int) throws(LMDBError) -> [UInt8] {
        let found = try FileSystem.read(descriptor, at: offset, count: count, path: path)
        guard let found else { throw damaged }
        return found
    }

    private var damaged: LMDBError {
        LMDBError(.truncated, operation: "copy", path: path, detail: "a page is no page of LMDB")
    }

    private static func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ page: [UInt8], at offset: Int
    ) -> Number {
        page.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}
