internal import CRawLMDB

/// The raw C baseline, in a store of its own.
final class RawBaseline {
    private let handle: OpaquePointer

    init(folder: String, isDurable: Bool) throws(BenchFailure) {
        var handle: OpaquePointer?
        let status = raw_open(folder, isDurable, &handle)
        guard status == 0, let handle else { throw Self.failure(status) }
        self.handle = handle
    }

    deinit { raw_close(handle) }

    func append(_ count: Int, bytes: Int, batch: Int) throws(BenchFailure) {
        try check(raw_append(handle, UInt64(count), bytes, UInt64(batch)))
    }

    /// - Returns: how many events there are.
    func scan() throws(BenchFailure) -> Int {
        var count: UInt64 = 0
        var sum: UInt64 = 0
        try check(raw_scan(handle, &count, &sum))
        return Int(count)
    }

    func insertRows(_ count: Int, bytes: Int, batch: Int) throws(BenchFailure) {
        try check(raw_insert_rows(handle, UInt64(count), bytes, UInt64(batch)))
    }

    func settleRows(_ count: Int, bytes: Int, batch: Int) throws(BenchFailure) {
        try check(raw_settle_rows(handle, UInt64(count), bytes, UInt64(batch)))
    }

    private func check(_ status: Int32) throws(BenchFailure) {
        guard status == 0 else { throw Self.failure(status) }
    }

    private static func failure(_ status: Int32) -> BenchFailure {
        BenchFailure("the raw baseline failed with LMDB's status \(status)")
    }
}
