internal import Glibc
internal import LMDB

/// Bytes on their way from an open file or pipe, hashed as they pass.
package struct FileStream {
    /// What passed.
    package struct Passed: Sendable, Equatable {
        package let bytes: UInt64
        /// Their SHA-256, 32 bytes.
        package let digest: [UInt8]
    }

    private let source: Int32
    /// What is named when it can't be read.
    private let path: String

    /// So much is read at once.
    private static let chunkBytes = 1 << 20
    /// So much is written before it is put on the disk: one sync of gigabytes at the end would hold
    /// up every other one, such as those of a running engine's commits.
    private static let syncedBytes = 8 << 20

    package init(_ source: Int32, path: String) {
        self.source = source
        self.path = path
    }

    /// Passes everything on into a new file, and makes it durable.
    ///
    /// - Parameter progress: is told how many bytes have passed; what it throws ends it.
    package func write(
        to target: String, progress: (UInt64) throws -> Void
    ) throws -> Passed {
        let descriptor = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("create", target) }
        defer { close(descriptor) }
        var unsynced = 0
        var written = 0
        let passed = try pass { bytes in
            try Self.write(bytes, to: descriptor, target)
            written += bytes.count
            unsynced += bytes.count
            if unsynced >= Self.syncedBytes {
                try Self.sync(descriptor, target)
                posix_fadvise(descriptor, written - unsynced, unsynced, POSIX_FADV_DONTNEED)
                unsynced = 0
            }
            try progress(UInt64(written))
        }
        guard fsync(descriptor) == 0 else { throw Self.failure("sync", target) }
        return passed
    }

    /// Reads a file from the disk, as far as the system lets it: what is left of it in memory is
    /// given up before.
    package static func read(
        _ path: String, progress: (UInt64) throws -> Void
    ) throws -> Passed {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        var read: UInt64 = 0
        return try FileStream(descriptor, path: path).pass { bytes in
            read += UInt64(bytes.count)
            try progress(read)
        }
    }

    private func pass(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Passed {
        let hasher = SHA256()
        var bytes: UInt64 = 0
        let chunk = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.chunkBytes, alignment: 4_096)
        defer { chunk.deallocate() }
        while true {
            let count = Glibc.read(source, chunk.baseAddress, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure("read", path) }
            guard count > 0 else { break }
            let part = UnsafeRawBufferPointer(rebasing: chunk[..<count])
            hasher.update(part)
            try body(part)
            bytes += UInt64(count)
        }
        return Passed(bytes: bytes, digest: hasher.finish().bytes)
    }

    private static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
    ) throws(EventLogError) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            done += count
        }
    }

    private static func sync(_ descriptor: Int32, _ path: String) throws(EventLogError) {
        guard fdatasync(descriptor) == 0 else { throw failure("sync", path) }
    }

    private static func failure(_ operation: String, _ path: String) -> EventLogError {
        .storage(LMDBError(status: errno, operation: operation, path: path))
    }
}
