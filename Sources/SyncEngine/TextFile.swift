internal import Glibc

/// Small files, read and written whole.
package enum TextFile {
    /// The text of a file of at most 1 MiB; nil when it can't be read.
    package static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return read(descriptor: descriptor)
    }

    static func read(descriptor: Int32) -> String? {
        bytes(descriptor: descriptor).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a file that somebody may have left there: no link is followed, no pipe waited
    /// for.
    static func bytes(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return bytes(descriptor: descriptor)
    }

    private static func bytes(descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }
}
