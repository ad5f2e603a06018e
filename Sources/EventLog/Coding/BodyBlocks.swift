// Records' texts behind an event's fields: blocks of whole texts in order, each
// `rawLength u32 | storedLength u32 | bytes`, compressed unless both lengths are equal.

/// Packs texts into blocks.
struct BodyPacker {
    let zstd: Zstd
    private var block: [UInt8] = []

    init(zstd: Zstd) { self.zstd = zstd }

    /// - Returns: whether the dictionary is needed to read them.
    mutating func append(
        _ bodies: [ArraySlice<UInt8>], _ dictionary: CompressionDictionary?,
        to value: inout [UInt8]
    ) -> Bool {
        var isNeeded = false
        block.removeAll(keepingCapacity: true)
        for body in bodies where !body.isEmpty {
            if !block.isEmpty, block.count + body.count > CodingLimits.blockTarget {
                isNeeded = flush(dictionary, to: &value) || isNeeded
            }
            block.append(contentsOf: body)
        }
        if !block.isEmpty { isNeeded = flush(dictionary, to: &value) || isNeeded }
        if block.capacity > 2 * CodingLimits.blockTarget { block = [] }
        return isNeeded
    }

    private mutating func flush(
        _ dictionary: CompressionDictionary?, to value: inout [UInt8]
    ) -> Bool {
        let fitting = block.count < Zstd.largeBytes ? dictionary : nil
        var isNeeded = false
        block.withUnsafeBytes { raw in
            let compressed = zstd.compress(raw, fitting)
            isNeeded = compressed != nil && fitting != nil
            let stored = compressed ?? raw
            value.append(littleEndian: UInt32(raw.count))
            value.append(littleEndian: UInt32(stored.count))
            value.append(contentsOf: stored)
        }
        block.removeAll(keepingCapacity: true)
        return isNeeded
    }
}

/// Walks over stored blocks and checks what they claim.
struct BlockCursor {
    struct Block {
        let rawLength: Int
        let stored: UnsafeRawBufferPointer
    }

    private var rest: UnsafeRawBufferPointer

    init(_ blocks: UnsafeRawBufferPointer) { rest = blocks }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next() throws(FieldError) -> Block {
        guard rest.count >= 8 else { throw .damaged("a block of records is missing") }
        let rawLength = Int(rest.littleEndian(at: 0) as UInt32)
        let storedLength = Int(rest.littleEndian(at: 4) as UInt32)
        guard rawLength > 0, rawLength <= CodingLimits.blockBytes, storedLength <= rawLength,
            storedLength <= rest.count - 8
        else { throw .damaged("a block of records has a size that can't be") }
        let stored = UnsafeRawBufferPointer(rebasing: rest[8..<(8 + storedLength)])
        rest = UnsafeRawBufferPointer(rebasing: rest[(8 + storedLength)...])
        return Block(rawLength: rawLength, stored: stored)
    }
}

/// Gives the texts of an event's records, as many as were asked for.
struct BodyLoader {
    enum Mode {
        case all
        /// Every text is empty.
        case none
    }

    let mode: Mode
    let hasBodies: Bool
    let redactions: Redactions
    let blocks: UnsafeRawBufferPointer
    let zstd: Zstd
    /// The number of the one that blocks may need; 0 for none.
    let dictionary: UInt16
    let dictionaries: DictionaryShelf?

    /// The texts of these lengths, in order.
    func load(_ lengths: [Int]) throws(FieldError) -> [ArraySlice<UInt8>] {
        guard hasBodies != lengths.isEmpty else {
            throw .damaged("its flags and its records don't fit")
        }
        guard mode == .all else { return Array(repeating: [], count: lengths.count) }
        var left = try total(lengths)
        var bodies: [ArraySlice<UInt8>] = []
        bodies.reserveCapacity(lengths.count)
        var cursor = BlockCursor(blocks)
        var block: ArraySlice<UInt8> = []
        for (index, length) in lengths.enumerated() {
            if length == 0 || redactions.contains(index) {
                bodies.append([])
                continue
            }
            if block.isEmpty {
                let stored = try cursor.next()
                guard stored.rawLength <= left else { throw Self.mismatch }
                left -= stored.rawLength
                block = try unpack(stored)[...]
            }
            guard length <= block.count else { throw Self.mismatch }
            bodies.append(block.prefix(length))
            block = block.dropFirst(length)
        }
        guard block.isEmpty, cursor.isAtEnd else { throw Self.mismatch }
        return bodies
    }

    /// One text, of which only the block that holds it is decompressed.
    func load(_ lengths: [Int], at index: Int) throws(FieldError) -> ArraySlice<UInt8> {
        _ = try total(lengths)
        guard lengths[index] > 0, !redactions.contains(index) else { return [] }
        var start = 0
        for (other, length) in lengths[..<index].enumerated() where !redactions.contains(other) {
            start += length
        }
        var cursor = BlockCursor(blocks)
        while true {
            let stored = try cursor.next()
            if start >= stored.rawLength {
                start -= stored.rawLength
                continue
            }
            let block = try unpack(stored)
            guard lengths[index] <= block.count - start else { throw Self.mismatch }
            return block[start..<(start + lengths[index])]
        }
    }

    private static var mismatch: FieldError {
        .damaged("its blocks and the lengths of its records don't fit")
    }

    private func total(_ lengths: [Int]) throws(FieldError) -> Int {
        var total = 0
        for length in lengths {
            total += length
            guard length <= CodingLimits.blockBytes, total <= CodingLimits.eventBytes else {
                throw .damaged("its records claim a size that can't be")
            }
        }
        return total
    }

    private func dictionary(
        of frame: UnsafeRawBufferPointer
    ) throws(FieldError) -> CompressionDictionary? {
        let number = Zstd.dictionary(of: frame)
        guard number != 0 else { return nil }
        guard number == dictionary, let dictionaries else {
            throw .damaged("its texts need dictionary \(number)")
        }
        return try dictionaries.dictionary(dictionary)
    }

    private func unpack(_ block: BlockCursor.Block) throws(FieldError) -> [UInt8] {
        if block.stored.count == block.rawLength { return [UInt8](block.stored) }
        guard
            try zstd.contentSize(block.stored, atMost: CodingLimits.blockBytes)
                == block.rawLength
        else { throw Self.mismatch }
        let dictionary = try dictionary(of: block.stored)
        var failure: FieldError?
        let bytes = [UInt8](unsafeUninitializedCapacity: block.rawLength) { buffer, count in
            do throws(FieldError) {
                let target = UnsafeMutableRawBufferPointer(
                    start: buffer.baseAddress, count: block.rawLength)
                try zstd.decompress(block.stored, into: target, dictionary)
                count = block.rawLength
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: UInt32) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
