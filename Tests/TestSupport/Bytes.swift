package import Glibc

/// Whole files, for tests that look at bytes or spoil them.
package enum Bytes {
    package static func read(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count <= 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    package static func write(_ bytes: [UInt8], _ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        precondition(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }

    /// Bytes that are not these: one bit other, at each byte; one too few, one too many; none.
    package static func damaged(_ good: [UInt8]) -> [[UInt8]] {
        good.indices.map { index in
            var bytes = good
            bytes[index] ^= UInt8(1 << (index % 8))
            return bytes
        } + [Array(good.dropLast()), good + [0], []]
    }

    package static func mode(_ path: String) -> mode_t {
        var info = stat()
        return stat(path, &info) == 0 ? info.st_mode & 0o777 : 0
    }
}
