/// Reads the free list of a data file with plain reads, every one of them checked.
///
/// LMDB itself can't be asked about a file that may be cut off: it would touch missing pages. The
/// list is a tree like any other: the key is a transaction, the value a count and page numbers.
struct FreeList {
    let descriptor: Int32
    let directory: String
    let pageSize: Int
    let root: UInt64

    private static let noPage = UInt64.max
    private static let headerSize = 16
    private static let nodeHeaderSize = 8
    /// LMDB's own limit for the depth of a tree.
    private static let maximumDepth = 32

    /// Whether all these pages are free; false also when the list is not whole.
    func covers(_ pages: ClosedRange<UInt64>) throws(LMDBError) -> Bool {
        var walk = Walk(pages: pages)
        guard root != Self.noPage, try collect(root, depth: 1, &walk) else { return false }
        return walk.found.count == pages.count
    }

    private struct Walk {
        let pages: ClosedRange<UInt64>
        var found = Set<UInt64>()
        /// A damaged tree may point back at itself.
        var visited = Set<UInt64>()
    }

    private func collect(
        _ number: UInt64, depth: Int, _ walk: inout Walk
    ) throws(LMDBError) -> Bool {
        guard depth <= Self.maximumDepth, walk.visited.insert(number).inserted,
            let page = try self.page(number, count: pageSize)
        else { return false }
        let flags = page.number(at: 10, as: UInt16.self) ?? 0
        let lower = Int(page.number(at: 12, as: UInt16.self) ?? 0)
        guard flags & 0x03 != 0, lower >= Self.headerSize, lower <= pageSize else { return false }
        for slot in 0..<(lower - Self.headerSize) / 2 {
            guard let offset = page.number(at: Self.headerSize + 2 * slot, as: UInt16.self),
                let low = page.number(at: Int(offset), as: UInt16.self),
                let high = page.number(at: Int(offset) + 2, as: UInt16.self),
                let extra = page.number(at: Int(offset) + 4, as: UInt16.self),
                let keyCount = page.number(at: Int(offset) + 6, as: UInt16.self)
            else { return false }
            let size = UInt64(low) | UInt64(high) << 16
            if flags & 0x01 != 0 {
                let child = size | UInt64(extra) << 32
                guard try collect(child, depth: depth + 1, &walk) else { return false }
                continue
            }
            let start = Int(offset) + Self.nodeHeaderSize + Int(keyCount)
            let isOverflow = extra & 0x01 != 0
            guard
                let list = isOverflow
                    ? try overflow(page.number(at: start, as: UInt64.self), count: Int(size))
                    : page.slice(start, count: Int(size))
            else { return false }
            guard add(list, to: &walk) else { return false }
        }
        return true
    }

    private func overflow(_ number: UInt64?, count: Int) throws(LMDBError) -> [UInt8]? {
        guard let number else { return nil }
        return try page(number, count: Self.headerSize + count).map {
            Array($0[Self.headerSize...])
        }
    }

    private func page(_ number: UInt64, count: Int) throws(LMDBError) -> [UInt8]? {
        guard number < UInt64(Int.max / pageSize) else { return nil }
        return try FileSystem.read(
            descriptor, at: Int(number) * pageSize, count: count, path: directory)
    }

    private func add(_ list: [UInt8], to walk: inout Walk) -> Bool {
        guard let count = list.number(at: 0, as: UInt64.self),
            count <= UInt64(list.count / 8 - 1)
        else { return false }
        for index in 0..<Int(count) {
            guard let number = list.number(at: 8 + 8 * index, as: UInt64.self) else { return false }
            if walk.pages.contains(number) { walk.found.insert(number) }
        }
        return true
    }
}

extension [UInt8] {
    fileprivate func number<T: FixedWidthInteger>(at offset: Int, as type: T.Type) -> T? {
        guard offset >= 0, offset <= count - MemoryLayout<T>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }

    fileprivate func slice(_ start: Int, count: Int) -> [UInt8]? {
        guard start >= 0, count >= 0, start <= self.count - count else { return nil }
        return Array(self[start..<start + count])
    }
}
