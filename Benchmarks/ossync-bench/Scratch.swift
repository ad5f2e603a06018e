internal import Glibc
internal import LMDB

/// A folder that is thrown away, unless it is to be kept.
final class Scratch {
    let path: String
    private let isKept: Bool
    private var count = 0

    /// - Parameter parent: on the disk that is measured.
    init(in parent: String, isKept: Bool = false) throws(BenchFailure) {
        self.isKept = isKept
        var template = Array("\(parent)/ossync-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchFailure("\(parent): no folder can be made in it")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { if !isKept { FileSystem.remove(path) } }

    /// A new empty folder in it.
    func folder() throws(BenchFailure) -> String {
        count += 1
        let name = "\(path)/\(count)"
        guard mkdir(name, 0o700) == 0 else { throw BenchFailure("\(name): can't be made") }
        return name
    }
}

struct BenchFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
