internal import EventLog
internal import Glibc

/// A temporary file of many lists that grow side by side, and of which each is read again whole.
///
/// A list is a chain of blocks: where the block before it begins (8 bytes; all ones for none), how
/// many bytes it holds (4), and a checksum over these and its content (8), seeded by its own place.
final class SpillFile {
    /// Where the file stands: enough to go on with it after it was cut to this length.
    struct State: Equatable {
        var length: UInt64 = 0
        /// The last block of each list.
        var last: [UInt64]

        init(lists: Int) { last = Array(repeating: none, count: lists) }
    }

    private static let none = UInt64.max
    /// What all lists together may hold that is not written yet.
    private static let openBytes = 1 << 20
    private static let leastBlockBytes = 320
    private static let mostBlockBytes = 4_096
    private static let headerBytes = 20

    private let path: String
    private let descriptor: Int32
    private let blockBytes: Int
    private var state: State
    /// What is not written yet of each list.
    private var open: [[UInt8]]

    /// - Parameter state: nil begins anew.
    init(_ path: String, lists: Int, resuming state: State? = nil) throws(ProjectionError) {
        self.path = path
        self.state = state ?? State(lists: lists)
        open = Array(repeating: [], count: lists)
        blockBytes = min(
            max(Self.openBytes / max(lists, 1), Self.leastBlockBytes), Self.mostBlockBytes)
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        guard ftruncate(descriptor, Int(self.state.length)) == 0 else {
            throw Self.failure("truncate", path)
        }
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8], to list: Int) throws(ProjectionError) {
        let room = blockBytes - Self.headerBytes
        if open[list].count + bytes.count > room, !open[list].isEmpty { try write(list) }
        // Left to grow by itself, its memory would double until it is up to twice a block.
        if open[list].capacity < room { open[list].reserveCapacity(room) }
        open[list].append(contentsOf: bytes)
    }

    /// Writes everything; what the file holds then is the state that is returned.
    func flush() throws(ProjectionError) -> State {
        for list in open.indices where !open[list].isEmpty { try write(list) }
        // What comes next may be something else, which needs the memory.
        open = Array(repeating: [], count: open.count)
        return state
    }

    private func write(_ list: Int) throws(ProjectionError) {
        var block: [UInt8] = []
        block.reserveCapacity(Self.headerBytes + open[list].count)
        block.append(bigEndian: state.last[list])
        block.append(bigEndian: UInt32(open[list].count))
        block.append(bigEndian: UInt64(0))
        block.append(contentsOf: open[list])
        if open[list].count > blockBytes {
            // One long text must not take its memory for all that comes.
            open[list] = []
        } else {
            open[list].removeAll(keepingCapacity: true)
        }
        Self.seal(&block, at: state.length)
        try write(block)
        state.last[list] = state.length
        state.length += UInt64(block.count)
    }

    private func write(_ block: [UInt8]) throws(ProjectionError) {
        var done = 0
        while done < block.count {
            let count = block[done...].withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress, $0.count, Int(state.length) + done)
            }
            if count < 0, errno == EINTR { continue }
            // What writes nothing, and has no error, has no room.
            if count == 0 { errno = ENOSPC }
            guard count > 0 else { throw Self.failure("write", path) }
            done += count
        }
    }

    private static func seal(_ block: inout [UInt8], at place: UInt64) {
        let checksum = Checksum.of(block, seed: place)
        withUnsafeBytes(of: checksum.bigEndian) {
            block.replaceSubrange(12..<20, with: $0)
        }
    }

    /// Lends the blocks of a list, in the order in which it was appended; what was appended in one
    /// call is in one block.
    ///
    /// - Throws: `.system` where a block isn't what was written.
    func forEachBlock(
        of list: Int, _ body: (UnsafeRawBufferPointer) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        if !open[list].isEmpty { try write(list) }
        var blocks: [(place: UInt64, bytes: Int)] = []
        var bytes: [UInt8] = []
        var place = state.last[list]
        while place != Self.none {
            try read(Self.headerBytes, at: place, into: &bytes)
            let (before, count): (UInt64, UInt32) = bytes.withUnsafeBytes { raw in
                (
                    UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)),
                    UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
                )
            }
            guard before == Self.none || before < place, place + UInt64(count) <= state.length
            else { throw damaged }
            blocks.append((place, Self.headerBytes + Int(count)))
            place = before
        }
        for block in blocks.reversed() {
            try read(block.bytes, at: block.place, into: &bytes)
            try unseal(&bytes, at: block.place)
            try bytes.span.withUnsafeBytes { bytes throws(ProjectionError) in
                try body(UnsafeRawBufferPointer(rebasing: bytes[Self.headerBytes...]))
            }
        }
    }

    /// Checks the checksum of a block, and takes it out.
    private func unseal(_ block: inout [UInt8], at place: UInt64) throws(ProjectionError) {
        let recorded: UInt64 = block.withUnsafeMutableBytes { raw in
            let recorded = raw.loadUnaligned(fromByteOffset: 12, as: UInt64.self)
            raw.storeBytes(of: 0, toByteOffset: 12, as: UInt64.self)
            return UInt64(bigEndian: recorded)
        }
        guard recorded == Checksum.of(block, seed: place) else { throw damaged }
    }

    private func read(
        _ count: Int, at place: UInt64, into bytes: inout [UInt8]
    ) throws(ProjectionError) {
        if bytes.count > count { bytes.removeLast(bytes.count - count) }
        if bytes.count < count {
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
        }
        guard pread(descriptor, &bytes, count, Int(place)) == count else { throw damaged }
    }

    private var damaged: ProjectionError {
        .system(operation: "read", path: path, reason: "it is not what was written")
    }

    private static func failure(_ operation: String, _ path: String) -> ProjectionError {
        .system(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}
