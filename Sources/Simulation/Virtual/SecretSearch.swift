internal import EventLog
internal import Glibc
internal import LMDB
internal import SyncCore

/// Looks for the client's token in what is kept (invariant 9): the server repeats it wherever it
/// can.
struct SecretSearch {
    private let spellings: [[UInt8]]

    init(_ secret: String) {
        spellings = TokenSpelling.allCases.map { Array($0.spell(secret).utf8) }
    }

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
        guard let names = FileSystem.names(in: folder) else {
            return violations.note(9, "\(folder) can't be listed: it may have the token")
        }
        for name in names {
            let path = "\(folder)/\(name)"
            if FileSystem.names(in: path) != nil {
                search(folder: path, &violations)
            } else if let contents = Self.contents(path) {
                violations.expect(!isIn(contents[...]), 9, "\(path) has the token")
            } else {
                violations.note(9, "\(path) can't be read: it may have the token")
            }
        }
    }

    /// - Returns: nil for what can't be read.
    static func contents(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return ferror(file) == 0 ? bytes : nil }
            bytes += chunk[..<count]
        }
    }

    private func isIn(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.withUnsafeBytes { text in spellings.contains { text.offset(of: $0) != nil } }
    }
}
