internal import Glibc
internal import LMDB

/// A folder of one test, removed with everything in it when the test lets it go.
package final class TemporaryFolder: Sendable {
    package let path: String
    private let isOwn: Bool

    /// One that belongs to another process: for a child that ends by a signal.
    package init(lent path: String) {
        self.path = path
        isOwn = false
    }

    package init() {
        isOwn = true
        var template = Array("/tmp/ossync-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { bytes in
            bytes.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else { preconditionFailure("no temporary folder") }
        path = made
    }

    deinit { if isOwn { Self.remove(path) } }

    package func at(_ name: String) -> String { "\(path)/\(name)" }

    package static func remove(_ path: String) {
        for name in names(path) {
            let child = "\(path)/\(name)"
            if unlink(child) != 0 { remove(child) }
        }
        rmdir(path)
    }

    /// What is in a folder, sorted.
    package static func names(_ path: String) -> [String] {
        (FileSystem.names(in: path) ?? []).sorted()
    }
}
