internal import Glibc
internal import LMDB

/// A folder that is thrown away.
final class Scratch {
    let path: String
    private var count = 0

    /// - Parameter parent: on the disk that is measured.
    init(in parent: String) throws(BenchFailure) {
        var template = Array("\(parent)/ossync-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchFailure("\(parent): no folder can be made in it")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    /// A new empty folder in it.
    func folder() throws(BenchFailure) -> String {
        count += 1
        let name = "\(path)/\(count)"
        guard mkdir(name, 0o700) == 0 else { throw BenchFailure("\(name): can't be made") }
        return name
    }

    /// Removes a file, or a folder with all that is in it.
    private static func remove(_ path: String) {
        for name in FileSystem.names(in: path) ?? [] { remove("\(path)/\(name)") }
        _ = Glibc.remove(path)
    }
}

struct BenchFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
