internal import CZstd
internal import SyncCore

/// A dictionary that zstd has read: for compressing and for decompressing, on any thread.
final class CompressionDictionary: @unchecked Sendable {
    /// From 1 on; frames that need it name it.
    let number: UInt16
    let type: EventType
    // Never changed once they are made; zstd only reads them.
    let compressing: OpaquePointer
    let decompressing: OpaquePointer

    /// The level that texts are compressed at, with a dictionary or without.
    static let level: Int32 = 3

    /// - Returns: nil for bytes that are no dictionary of this number, or without memory for it.
    init?(number: UInt16, type: EventType, bytes: [UInt8]) {
        let made: (OpaquePointer?, OpaquePointer?) = bytes.withUnsafeBytes { raw in
            guard ZDICT_getDictID(raw.baseAddress, raw.count) == UInt32(number) else {
                return (nil, nil)
            }
            return (
                ZSTD_createCDict(raw.baseAddress, raw.count, Self.level),
                ZSTD_createDDict(raw.baseAddress, raw.count)
            )
        }
        guard let compressing = made.0, let decompressing = made.1 else {
            ZSTD_freeCDict(made.0)
            ZSTD_freeDDict(made.1)
            return nil
        }
        self.number = number
        self.type = type
        self.compressing = compressing
        self.decompressing = decompressing
    }

    deinit {
        ZSTD_freeCDict(compressing)
        ZSTD_freeDDict(decompressing)
    }
}
