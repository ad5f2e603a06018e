import Glibc
import SyncCore
import TestSupport
import Testing

@testable import LMDB

/// Pages are as LMDB leaves them, or that is told: what reading them doesn't notice included.
@Suite struct PageAuditTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.at("env") }
    private var file: String { "\(path)/data.mdb" }

    /// Tables with all that LMDB makes: trees of some depth, long values, free pages.
    private func make() throws {
        try Environment.create(path) { transaction throws(LMDBError) in
            for name in ["first", "second"] { _ = try transaction.createDatabase(name) }
        }
        let environment = try Environment.open(path)
        var random = SeededGenerator(seed: 7)
        for round in 0..<12 {
            let transaction = try environment.beginWrite()
            let tables = try ["first", "second"].map { try transaction.database($0) }
            for _ in 0..<120 {
                let key = Array(String(random.next() % 2_000).utf8)
                let table = tables[Int(random.next() % 2)]
                if random.next() % 3 == 0 {
                    try transaction.delete(table, key)
                } else {
                    let size = random.next() % 40 == 0 ? 9_000 : 100
                    try transaction.put(table, key, Array(repeating: UInt8(round), count: size))
                }
            }
            try transaction.commit()
            #expect(try environment.pageProblem() == nil)
        }
    }

    private func problem() throws -> String? { try Environment.open(path).pageProblem() }

    private func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: [UInt8], _ offset: Int
    ) -> Value {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }

    /// The pages of the file, and what kind they are: some are of an earlier commit.
    private func pages(_ bytes: [UInt8]) -> [(start: Int, flags: UInt16)] {
        stride(from: 2 * 4_096, to: bytes.count, by: 4_096).map { ($0, number(bytes, $0 + 10)) }
    }

    @Test func everyNumberOfAPageThatIsChangedIsFoundWhereItIsInUse() throws {
        try make()
        let whole = Bytes.read(file)
        var (found, seen) = ([UInt16: Int](), [UInt16: Int]())
        for (start, flags) in pages(whole) where [1, 2, 4].contains(flags) {
            // Of leaves there are many.
            seen[flags, default: 0] += 1
            if flags == 2, seen[flags, default: 0] % 8 != 0 { continue }
            // The page's number, its kind, its bounds or its length.
            for offset in [0, 3, 10, 12, 14] {
                var spoilt = whole
                spoilt[start + offset] ^= 2
                Bytes.write(spoilt, file)
                if try problem() != nil { found[flags, default: 0] += 1 }
            }
        }
        for flags in [1, 2, 4] as [UInt16] { #expect(found[flags, default: 0] > 4) }
        Bytes.write(whole, file)
        #expect(try problem() == nil)
    }

    /// A key of a branch that is another one hides what is below it from whoever looks it up.
    @Test func aBranchThatLeadsElsewhereIsFound() throws {
        try make()
        let whole = Bytes.read(file)
        var found = 0
        for (start, flags) in pages(whole) where flags == 1 {
            let node = start + Int(number(whole, start + 18) as UInt16)
            for offset in [0, 8] {
                var spoilt = whole
                spoilt[node + offset] ^= 1
                Bytes.write(spoilt, file)
                if try problem() != nil { found += 1 }
            }
        }
        #expect(found >= 2)
        Bytes.write(whole, file)
    }

    @Test func aFreePageThatIsInUseIsFound() throws {
        try make()
        let whole = Bytes.read(file)
        let metas = [0, 4_096].sorted {
            (number(whole, $0 + 144) as UInt64) > (number(whole, $1 + 144) as UInt64)
        }
        let start = Int(number(whole, metas[0] + 80) as UInt64) * 4_096
        let node = start + Int(number(whole, start + 16) as UInt16)
        // Behind the node's header, its key of 8 bytes and the count: the first free page.
        var spoilt = whole
        let root: UInt64 = number(whole, metas[0] + 128)
        withUnsafeBytes(of: root) { spoilt.replaceSubrange((node + 24)..<(node + 32), with: $0) }
        Bytes.write(spoilt, file)
        #expect(try problem()?.contains("used twice") == true)
    }
}
