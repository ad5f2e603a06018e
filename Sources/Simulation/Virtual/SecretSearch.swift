internal import EventLog
internal import Glibc
internal import LMDB
internal import SyncCore

/// Looks for the client's token in what is kept (invariant 9): the server repeats it wherever it
/// can.
struct SecretSearch {
    private let secret: [UInt8]

    init(_ secret: String) { self.secret = Array(secret.utf8) }

    /// Searches an event's fields and its records' texts, as they are before they are compressed.
    func search(_ logged: LoggedEvent, _ violations: inout Violations) {
        var fields = FieldWriter()
        logged.event.writeFields(to: &fields)
        violations.expect(
            !isIn(fields.bytes[...]) && !logged.event.bodies.contains { isIn($0) }, 9,
            "the \(logged.event.type.name) at \(logged.position.rawValue) has the token")
    }

    /// Searches the files below a folder, byte by byte.
    func search(folder: String, _ violations: inout Violations) {
        for name in FileSystem.names(in: folder) ?? [] {
            let path = "\(folder)/\(name)"
            if FileSystem.names(in: path) != nil {
                search(folder: path, &violations)
            } else {
                violations.expect(!isIn(Self.contents(path)[...]), 9, "\(path) has the token")
            }
        }
    }

    private static func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    private func isIn(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = secret.first else { return false }
        return bytes.withUnsafeBytes { text in
            guard let base = text.baseAddress else { return false }
            var index = 0
            while index + secret.count <= text.count {
                let places = text.count - index - secret.count + 1
                guard let hit = memchr(base + index, Int32(first), places) else { return false }
                if memcmp(hit, secret, secret.count) == 0 { return true }
                index = UnsafeRawPointer(hit) - base + 1
            }
            return false
        }
    }
}
