internal import SyncCore

/// One reading of one answer by a `RecordSlicer`.
///
/// Records are indexed on the tape one at a time and forgotten there; what is around them stays, so
/// that the total can be looked up after the walk, wherever it stands.
struct SliceWalk: ~Copyable {
    private enum Found {
        case nothing
        case records
        case otherKind(JSONKind, offset: Int)
    }

    private var scanner: JSONScanner
    private var writer: CanonicalWriter
    private let body: [UInt8]
    private let slicer: RecordSlicer
    private let assumedID: RecordID?
    private var records: [ListedRecord] = []
    private var found = Found.nothing

    init(
        scanner: consuming JSONScanner, body: [UInt8], slicer: RecordSlicer, assumedID: RecordID?
    ) {
        self.scanner = scanner
        self.body = body
        self.slicer = slicer
        self.assumedID = assumedID
        writer = CanonicalWriter(ignoring: slicer.fingerprinter.ignored)
    }

    mutating func run() throws(RecordsError) -> RecordSlicer.Slices {
        scanner.skipSpace()
        try descend(0)
        try scanner.finish()
        let place = slicer.records.description
        switch found {
        case .records:
            return RecordSlicer.Slices(records: records, total: total())
        case .nothing:
            throw RecordsError(
                .noRecords, "the answer has nothing at \(place), where the records should be",
                hint: "check the pointer 'records' against the answer")
        case .otherKind(let kind, let offset):
            throw RecordsError(
                .notArray, "the answer has \(kind.article) at \(place) instead of an array",
                offset: offset, hint: "check the pointer 'records' against the answer")
        }
    }

    /// Reads the value that begins here, to which the first `depth` segments have led.
    private mutating func descend(_ depth: Int) throws(RecordsError) {
        guard depth < slicer.records.segments.count else { return try readRecords(depth) }
        guard scanner.at < scanner.end,
            case .name(let name, let number) =
                slicer.records.segments[depth]
        else { return try scanner.value(depth) }
        switch scanner.base[scanner.at] {
        case UInt8(ascii: "{"):
            let node = try scanner.open(.object, depth)
            if try scanner.closes(UInt8(ascii: "}"), node) { return }
            repeat {
                let key = scanner.tape.count
                try scanner.key()
                if view.isNamed(key, name) {
                    forget()
                    try descend(depth + 1)
                } else {
                    try scanner.value(depth + 1)
                }
            } while try scanner.goesOn(UInt8(ascii: "}"), node)
        case UInt8(ascii: "["):
            let node = try scanner.open(.array, depth)
            if try scanner.closes(UInt8(ascii: "]"), node) { return }
            var element = 0
            repeat {
                if element == number {
                    try descend(depth + 1)
                } else {
                    try scanner.value(depth + 1)
                }
                element += 1
            } while try scanner.goesOn(UInt8(ascii: "]"), node)
        default:
            try scanner.value(depth)
        }
    }

    /// A member named again replaces what its first mention brought.
    private mutating func forget() {
        records.removeAll()
        found = .nothing
    }

    private mutating func readRecords(_ depth: Int) throws(RecordsError) {
        guard scanner.at < scanner.end else { throw scanner.expected("a value") }
        let start = scanner.at
        if scanner.base[start] == UInt8(ascii: "[") {
            found = .records
            let node = try scanner.open(.array, depth)
            if try scanner.closes(UInt8(ascii: "]"), node) { return }
            records.reserveCapacity(256)
            repeat {
                try record(depth + 1)
            } while try scanner.goesOn(UInt8(ascii: "]"), node)
            return
        }
        let node = scanner.tape.count
        if slicer.allowsSingle, scanner.base[start] == UInt8(ascii: "{") {
            found = .records
            try record(depth)
            // The record has left the tape; its member there still needs a value.
            _ = scanner.tape.append(.null, start: start, end: scanner.at)
        } else {
            try scanner.value(depth)
            found = .otherKind(view.kind(node), offset: start)
        }
    }

    private mutating func record(_ depth: Int) throws(RecordsError) {
        let node = scanner.tape.count
        try scanner.value(depth)
        let id = try identity(of: node)
        let range = view.range(node)
        records.append(
            ListedRecord(id: id, fingerprint: writer.fingerprint(view, node), body: body[range]))
        scanner.tape.truncate(to: node)
    }

    private func identity(of record: Int) throws(RecordsError) -> RecordID {
        let number = records.count
        guard let pointer = slicer.id else {
            guard let assumedID, number == 0 else {
                throw RecordsError(
                    .noID, "nothing says which record this is", recordIndex: number,
                    hint: "configure the pointer 'id'")
            }
            return assumedID
        }
        guard let node = pointer.find(in: view, from: record) else {
            throw RecordsError(
                .noID, "there is no identity at \(pointer)",
                offset: view.range(record).lowerBound, recordIndex: number,
                hint: "check the pointer 'id' against the answer")
        }
        switch RecordID.read(view, node) {
        case .success(let id): return id
        case .failure(let reason):
            throw RecordsError(
                .badID, "the identity at \(pointer) \(reason.text)",
                offset: view.range(node).lowerBound, recordIndex: number)
        }
    }

    private func total() -> UInt64? {
        guard let node = slicer.total?.find(in: view) else { return nil }
        switch view.kind(node) {
        case .number: return UInt64(String(decoding: view.raw(node), as: UTF8.self))
        case .string: return view.text(node).flatMap { UInt64($0) }
        default: return nil
        }
    }

    private var view: JSONView { JSONView(base: scanner.base, nodes: scanner.tape.nodes) }
}

extension JSONKind {
    /// The kind for a sentence.
    var article: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string, .key: "a string"
        case .number: "a number"
        case .yes, .no: "a boolean"
        case .null: "null"
        }
    }
}
