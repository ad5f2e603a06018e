/// The texts that were taken out of an event, each with the hash that it left: `count u32`, then
/// for each `index u32 | first 16 bytes of its SHA-256`, in ascending order.
struct Redactions {
    private static let entryBytes = 20

    private let entries: UnsafeRawBufferPointer

    /// No text was taken out.
    init() { entries = UnsafeRawBufferPointer(start: nil, count: 0) }

    /// Reads the table that `rest` begins with, and leaves what follows it.
    init(from rest: inout UnsafeRawBufferPointer) throws(FieldError) {
        guard rest.count >= 4 else { throw .damaged("its redactions are cut off") }
        let count = Int(rest.littleEndian(at: 0) as UInt32)
        guard count <= (rest.count - 4) / Self.entryBytes else {
            throw .damaged("its redactions are cut off")
        }
        let end = 4 + count * Self.entryBytes
        entries = UnsafeRawBufferPointer(rebasing: rest[4..<end])
        rest = UnsafeRawBufferPointer(rebasing: rest[end...])
    }

    var isEmpty: Bool { entries.isEmpty }

    func contains(_ index: Int) -> Bool { !isEmpty && hash(of: index) != nil }

    /// The 16 bytes that the text of this index left.
    func hash(of index: Int) -> UnsafeRawBufferPointer? {
        for offset in stride(from: 0, to: entries.count, by: Self.entryBytes)
        where Int(entries.littleEndian(at: offset) as UInt32) == index {
            return UnsafeRawBufferPointer(
                rebasing: entries[(offset + 4)..<(offset + Self.entryBytes)])
        }
        return nil
    }

    /// Appends a table.
    static func append(_ hashes: [(index: Int, hash: [UInt8])], to value: inout [UInt8]) {
        value.append(littleEndian: UInt32(hashes.count))
        for (index, hash) in hashes {
            value.append(littleEndian: UInt32(index))
            value.append(contentsOf: hash)
        }
    }
}
