internal import CCrypto

/// A SHA-256 that is fed piece by piece, and can be begun again.
///
/// The algorithm is fetched once and the context is used again: fetching costs more than hashing an
/// event does.
final class SHA256 {
    private let context: OpaquePointer
    private let algorithm: OpaquePointer

    init() {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil), let context = EVP_MD_CTX_new()
        else { preconditionFailure("libcrypto gave no SHA-256: memory ran out") }
        self.algorithm = algorithm
        self.context = context
        begin()
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
    }

    /// Forgets what was fed.
    func begin() {
        check(EVP_DigestInit_ex2(context, algorithm, nil))
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
    }

    /// The digest of what was fed since `begin`, which must come before the next use.
    func finish() -> SHA256Digest {
        withUnsafeTemporaryAllocation(byteCount: SHA256Digest.byteCount, alignment: 8) { output in
            let start = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            check(EVP_DigestFinal_ex(context, start, nil))
            return SHA256Digest(bytes: UnsafeRawBufferPointer(output))
        }
    }

    /// No input makes these calls fail, and a wrong hash must never be stored: as for any other
    /// memory that isn't there, the program ends.
    private func check(_ status: Int32) {
        precondition(status == 1, "libcrypto could not compute a SHA-256")
    }
}
