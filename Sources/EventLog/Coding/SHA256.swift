internal import CCrypto

/// A SHA-256 that is fed piece by piece, and can be begun again.
final class SHA256 {
    private let context: UnsafeMutablePointer<SHA256_CTX>

    init() {
        context = .allocate(capacity: 1)
        context.initialize(to: SHA256_CTX())
        begin()
    }

    deinit { context.deallocate() }

    /// Forgets what was fed.
    func begin() { check(SHA256_Init(context)) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        check(SHA256_Update(context, bytes.baseAddress, bytes.count))
    }

    /// The digest of what was fed since `begin`, which must come before the next use.
    func finish() -> SHA256Digest {
        withUnsafeTemporaryAllocation(byteCount: SHA256Digest.byteCount, alignment: 8) { output in
            check(SHA256_Final(output.baseAddress?.assumingMemoryBound(to: UInt8.self), context))
            return SHA256Digest(bytes: UnsafeRawBufferPointer(output))
        }
    }

    /// No input makes these calls fail, and a wrong hash must never be stored.
    private func check(_ status: Int32) {
        precondition(status == 1, "libcrypto could not compute a SHA-256")
    }
}
