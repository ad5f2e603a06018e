internal import CLMDB
internal import Glibc

/// Checks the pages of an environment as one snapshot reaches them: each is where it says, is used
/// once, has its keys in order and between those of the page above it, and LMDB's own counts are
/// right; no free page is in use.
///
/// LMDB checks none of it: a page that is wrong in this way may be read well for years and ruin
/// others with the next write. The layout is that of LMDB 0.9 on 64-bit systems.
struct PageAudit {
    /// What is wrong, in words.
    struct Problem: Error {
        let text: String
    }

    /// What LMDB keeps about a database: 48 bytes.
    private struct Record {
        static let byteCount = 48
        let depth: Int
        let branches: UInt64
        let leaves: UInt64
        let overflow: UInt64
        let entries: UInt64
        let root: UInt64

        init(_ bytes: UnsafeRawBufferPointer) {
            depth = Int(bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
            branches = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            leaves = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            overflow = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            entries = bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self)
            root = bytes.loadUnaligned(fromByteOffset: 40, as: UInt64.self)
        }
    }

    private struct Count: Equatable {
        var branches: UInt64 = 0
        var leaves: UInt64 = 0
        var overflow: UInt64 = 0
        var entries: UInt64 = 0
    }

    /// One level of a walk down a tree.
    private struct Place {
        let number: UInt64
        let depth: Int
        /// No key is below the first, or reaches the second.
        let low: [UInt8]?
        let high: [UInt8]?
    }

    private static let noPage = UInt64.max
    private static let headerBytes = 16
    private static let (branch, leaf, overflow) = (UInt16(1), UInt16(2), UInt16(4))
    private static let (bigNode, databaseNode) = (UInt16(1), UInt16(2))

    private let descriptor: Int32
    private let path: String
    private let pageSize: Int
    private let lastPage: UInt64
    /// A bit for each page that is reached, or free.
    private var used: [UInt64]
    private var page: [UInt8]

    private init(_ descriptor: Int32, _ path: String, pageSize: Int, lastPage: UInt64) {
        self.descriptor = descriptor
        self.path = path
        self.pageSize = pageSize
        self.lastPage = lastPage
        used = Array(repeating: 0, count: Int(lastPage / 64) + 1)
        page = []
    }

    /// - Parameter transaction: an open snapshot, which keeps the pages that it reaches.
    /// - Returns: nil where nothing is wrong.
    /// - Throws: what doesn't let the file be read.
    static func problem(
        _ environment: OpaquePointer, _ path: String, transaction: UInt64
    ) throws(LMDBError) -> String? {
        var descriptor: Int32 = -1
        try check(mdb_env_get_fd(environment, &descriptor), "read", path)
        var stat = MDB_stat()
        try check(mdb_env_stat(environment, &stat), "stat", path)
        var info = MDB_envinfo()
        try check(mdb_env_info(environment, &info), "info", path)
        let size = Int(stat.ms_psize)
        for number in 0..<2 {
            let found = try FileSystem.read(
                descriptor, at: number * size, count: 152, path: path)
            guard let meta = found else { return "the file ends within its two meta pages" }
            let record = { (offset: Int) in
                meta.withUnsafeBytes { bytes in
                    Record(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + 48)]))
                }
            }
            let numbers = meta.withUnsafeBytes { bytes in
                [136, 144].map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
            }
            guard numbers[1] == transaction else { continue }
            guard numbers[0] < UInt64(info.me_mapsize / size) else {
                return "the last page is said to be \(numbers[0])"
            }
            var audit = PageAudit(descriptor, path, pageSize: size, lastPage: numbers[0])
            do {
                try audit.walk(record(40), "the free list", isFreeList: true)
                try audit.walk(record(88), "the list of tables")
                return nil
            } catch let problem as Problem {
                return problem.text
            } catch let error as LMDBError {
                throw error
            } catch {
                return "\(error)"
            }
        }
        throw LMDBError(
            .busy, operation: "read", path: path, detail: "its meta pages change meanwhile")
    }

    // MARK: Trees

    private mutating func walk(
        _ record: Record, _ name: String, isFreeList: Bool = false
    ) throws {
        var count = Count()
        var tables: [(Record, String)] = []
        if record.root != Self.noPage {
            var places = [Place(number: record.root, depth: 1, low: nil, high: nil)]
            while let place = places.popLast() {
                try take(place.number, name)
                page = try read(place.number, name)
                let flags: UInt16 = number(10)
                guard number(0) as UInt64 == place.number else {
                    throw Problem(text: "page \(place.number) of \(name) says it is another")
                }
                let nodes = try nodes(place, name)
                if flags == Self.branch, place.depth < record.depth {
                    count.branches += 1
                    places += try children(nodes, place, name).reversed()
                } else if flags == Self.leaf, place.depth == record.depth {
                    count.leaves += 1
                    count.entries += UInt64(nodes.count)
                    try checkLeaf(nodes, place, name, isFreeList, &count, &tables)
                } else {
                    throw Problem(text: "page \(place.number) of \(name) is of another kind")
                }
            }
        }
        let wanted = Count(
            branches: record.branches, leaves: record.leaves, overflow: record.overflow,
            entries: record.entries)
        guard count == wanted else {
            throw Problem(text: "\(name) has other pages or entries than it counts")
        }
        for (record, name) in tables { try walk(record, name) }
    }

    /// Where the nodes of the page begin.
    private func nodes(_ place: Place, _ name: String) throws -> [Int] {
        let (lower, upper) = (Int(number(12) as UInt16), Int(number(14) as UInt16))
        let isSound =
            lower >= Self.headerBytes && lower % 2 == 0 && lower <= upper && upper <= pageSize
        guard isSound else {
            throw Problem(text: "page \(place.number) of \(name) has bounds that can't be")
        }
        return try stride(from: Self.headerBytes, to: lower, by: 2).map { offset in
            let node = Int(number(offset) as UInt16)
            guard node >= upper, node + 8 <= pageSize,
                node + 8 + Int(number(node + 6) as UInt16) <= pageSize
            else { throw Problem(text: "page \(place.number) of \(name) has a node outside of it") }
            return node
        }
    }

    private func key(_ node: Int) -> [UInt8] {
        Array(page[(node + 8)..<(node + 8 + Int(number(node + 6) as UInt16))])
    }

    private func children(_ nodes: [Int], _ place: Place, _ name: String) throws -> [Place] {
        guard !nodes.isEmpty else {
            throw Problem(text: "page \(place.number) of \(name) leads nowhere")
        }
        // The first has no key of its own: whatever is below the second is there.
        let keys = nodes.map { key($0) }
        return nodes.indices.map { index in
            let node = nodes[index]
            let child =
                UInt64(number(node) as UInt16) | UInt64(number(node + 2) as UInt16) << 16
                | UInt64(number(node + 4) as UInt16) << 32
            return Place(
                number: child, depth: place.depth + 1, low: index == 0 ? place.low : keys[index],
                high: index + 1 < keys.count ? keys[index + 1] : place.high)
        }
    }

    private mutating func checkLeaf(
        _ nodes: [Int], _ place: Place, _ name: String, _ isFreeList: Bool, _ count: inout Count,
        _ tables: inout [(Record, String)]
    ) throws {
        var last = place.low
        var isFirst = true
        for node in nodes {
            let key = key(node)
            let follows = last.map { order($0, key, isFreeList) } ?? -1
            guard follows < 0 || isFirst && follows == 0,
                place.high.map({ order(key, $0, isFreeList) < 0 }) ?? true
            else { throw Problem(text: "page \(place.number) of \(name) has keys out of order") }
            (last, isFirst) = (key, false)
            let size = Int(number(node) as UInt16) | Int(number(node + 2) as UInt16) << 16
            let start = node + 8 + key.count
            let flags: UInt16 = number(node + 4)
            if flags == Self.bigNode {
                guard start + 8 <= pageSize else { throw outside(place, name) }
                let first: UInt64 = number(start)
                count.overflow += try takeOverflow(first, size, name)
                if isFreeList { try takeFree(try value(first, size)) }
                continue
            }
            guard flags == 0 || flags == Self.databaseNode, start + size <= pageSize else {
                throw outside(place, name)
            }
            let value = Array(page[start..<(start + size)])
            if isFreeList { try takeFree(value) }
            guard flags == Self.databaseNode else { continue }
            guard size == Record.byteCount else { throw outside(place, name) }
            tables.append(
                (
                    value.withUnsafeBytes { Record($0) },
                    "table " + String(decoding: key, as: UTF8.self)
                ))
        }
    }

    private func outside(_ place: Place, _ name: String) -> Problem {
        Problem(text: "page \(place.number) of \(name) has a node that can't be")
    }

    /// The keys of the free list are numbers, all others bytes.
    private func order(_ left: [UInt8], _ right: [UInt8], _ isFreeList: Bool) -> Int {
        if isFreeList, left.count == 8, right.count == 8 {
            let (left, right) = (Self.integer(left), Self.integer(right))
            return left == right ? 0 : left < right ? -1 : 1
        }
        if left == right { return 0 }
        return left.lexicographicallyPrecedes(right) ? -1 : 1
    }

    private static func integer(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }

    // MARK: Pages

    private mutating func take(_ number: UInt64, _ name: String) throws {
        guard number >= 2, number <= lastPage else {
            throw Problem(text: "\(name) leads to page \(number), which doesn't exist")
        }
        let (word, bit) = (Int(number / 64), UInt64(1) << (number % 64))
        guard used[word] & bit == 0 else {
            throw Problem(text: "page \(number) is used twice, by \(name) and before")
        }
        used[word] |= bit
    }

    /// Takes the pages of a long value.
    ///
    /// - Returns: how many they are.
    private mutating func takeOverflow(
        _ first: UInt64, _ size: Int, _ name: String
    ) throws -> UInt64 {
        try take(first, name)
        let header = try FileSystem.read(
            descriptor, at: Int(first) * pageSize, count: Self.headerBytes, path: path)
        let pages = UInt64((Self.headerBytes + size + pageSize - 1) / pageSize)
        let isSound = header?.withUnsafeBytes { bytes in
            bytes.loadUnaligned(as: UInt64.self) == first
                && bytes.loadUnaligned(fromByteOffset: 10, as: UInt16.self) == Self.overflow
                && UInt64(bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)) == pages
        }
        guard isSound ?? false else {
            throw Problem(text: "page \(first) of \(name) is no beginning of a long value")
        }
        for number in 1..<max(pages, 1) { try take(first + number, name) }
        return pages
    }

    private func value(_ first: UInt64, _ size: Int) throws -> [UInt8] {
        try FileSystem.read(
            descriptor, at: Int(first) * pageSize + Self.headerBytes, count: size, path: path) ?? []
    }

    /// Takes the pages of an entry of the free list: how many, then each.
    private mutating func takeFree(_ value: [UInt8]) throws {
        let numbers = stride(from: 0, to: value.count - 7, by: 8).map {
            Self.integer(Array(value[$0..<($0 + 8)]))
        }
        guard let count = numbers.first, UInt64(numbers.count) > count else {
            throw Problem(text: "the free list has an entry that can't be")
        }
        for number in numbers[1..<(1 + Int(count))] { try take(number, "the free list") }
    }

    private func read(_ number: UInt64, _ name: String) throws -> [UInt8] {
        let found = try FileSystem.read(
            descriptor, at: Int(number) * pageSize, count: pageSize, path: path)
        guard let found else { throw Problem(text: "page \(number) of \(name) isn't in the file") }
        return found
    }

    private func number<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Value {
        page.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }
}

extension Environment {
    /// How often a snapshot is taken anew while a writer commits.
    private static let pageAttempts = 1_000

    /// What is wrong with the pages of the newest commit; nil where nothing is.
    package func pageProblem() throws(LMDBError) -> String? {
        for attempt in 1... {
            let transaction = try beginRead()
            do throws(LMDBError) {
                return try PageAudit.problem(handle, path, transaction: transaction.number)
            } catch {
                guard error.code == .busy, attempt < Self.pageAttempts else { throw error }
            }
        }
        return nil
    }
}
