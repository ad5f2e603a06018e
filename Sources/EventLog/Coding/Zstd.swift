internal import CZstd

/// Memory that is used again and again, outside of any array's rules of exclusive access.
final class ScratchMemory {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// Above this, memory that a rare large event needed is given back at the next small one.
    private static let keptBytes = 1 << 20

    deinit { memory.deallocate() }

    /// At least `count` bytes; what they held before is gone.
    func reserve(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if count > memory.count || memory.count > Self.keptBytes && count <= Self.keptBytes {
            memory.deallocate()
            memory = .allocate(byteCount: max(count, 4_096), alignment: 16)
        }
        return memory
    }
}

/// Compression and decompression with contexts that are kept.
final class Zstd {
    // Made when first needed: a short command reads a few small events, and compresses none.
    private var compressor: OpaquePointer?
    private var decompressor: OpaquePointer?
    private let output = ScratchMemory()

    /// From this size on speed counts more than size.
    static let largeBytes = 64 << 10
    /// Shorter texts don't get shorter.
    private static let minimumBytes = 64

    deinit {
        ZSTD_freeCCtx(compressor)
        ZSTD_freeDCtx(decompressor)
    }

    /// The compressed bytes, valid until the next call; nil when they would not be fewer.
    ///
    /// - Parameter dictionary: what is long gains nothing by one.
    func compress(
        _ source: UnsafeRawBufferPointer, _ dictionary: CompressionDictionary? = nil
    ) -> UnsafeRawBufferPointer? {
        guard source.count >= Self.minimumBytes else { return nil }
        if compressor == nil { compressor = ZSTD_createCCtx() }
        // Without memory for it nothing is compressed: that costs space, and no more.
        guard let compressor else { return nil }
        let target = output.reserve(ZSTD_compressBound(source.count))
        let size: Int
        if let dictionary {
            size = ZSTD_compress_usingCDict(
                compressor, target.baseAddress, target.count, source.baseAddress, source.count,
                dictionary.compressing)
        } else {
            let level: Int32 = source.count >= Self.largeBytes ? 1 : CompressionDictionary.level
            size = ZSTD_compressCCtx(
                compressor, target.baseAddress, target.count, source.baseAddress, source.count,
                level)
        }
        guard ZSTD_isError(size) == 0, size < source.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: target[..<size])
    }

    /// Fills `target` with the bytes that were compressed.
    func decompress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        _ dictionary: CompressionDictionary? = nil
    ) throws(FieldError) {
        if decompressor == nil { decompressor = ZSTD_createDCtx() }
        guard let decompressor else { preconditionFailure("zstd gave no context: memory ran out") }
        let size: Int
        if let dictionary {
            size = ZSTD_decompress_usingDDict(
                decompressor, target.baseAddress, target.count, source.baseAddress, source.count,
                dictionary.decompressing)
        } else {
            size = ZSTD_decompressDCtx(
                decompressor, target.baseAddress, target.count, source.baseAddress, source.count)
        }
        guard ZSTD_isError(size) == 0, size == target.count else {
            throw .damaged("its compressed bytes can't be decompressed")
        }
    }

    /// The number of the dictionary that a frame needs; 0 for none.
    static func dictionary(of source: UnsafeRawBufferPointer) -> UInt32 {
        ZSTD_getDictID_fromFrame(source.baseAddress, source.count)
    }

    /// The size of what was compressed, as its frame says.
    func contentSize(
        _ source: UnsafeRawBufferPointer, atMost limit: Int
    ) throws(FieldError) -> Int {
        // Unknown sizes and errors are the largest values there are.
        let size = ZSTD_getFrameContentSize(source.baseAddress, source.count)
        guard size <= UInt64(limit) else {
            throw .damaged("its compressed bytes claim a size that can't be")
        }
        return Int(size)
    }
}
