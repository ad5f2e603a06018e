/// A JSON Pointer (RFC 6901): `""` is the whole text, `/a/0/b` a place in it.
///
/// In a name `~1` is `/` and `~0` is `~`.
///
/// Where a text names a member twice, the last one counts, as in most parsers. A pointer made with
/// `wildcards` takes the segment `*` as "every element of this array".
package struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    enum Segment: Sendable, Hashable {
        /// A member's name, or the number of an element when it is spelled like one.
        case name([UInt8], number: Int?)
        case every
    }

    /// The pointer as it was written.
    package let text: String
    let segments: [Segment]

    package init(_ text: String, wildcards: Bool = false) throws(RecordsError) {
        self.text = text
        guard !text.isEmpty else {
            segments = []
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else {
            throw RecordsError(
                .badPointer, "a JSON Pointer begins with '/' or is empty, this one is '\(text)'",
                hint: "write '/\(text)'")
        }
        var segments: [Segment] = []
        for part in text.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            if wildcards, part.elementsEqual([UInt8(ascii: "*")]) {
                segments.append(.every)
                continue
            }
            guard let name = Self.unescaped(part) else {
                throw RecordsError(
                    .badPointer, "'~' in the JSON Pointer '\(text)' is not followed by 0 or 1",
                    hint: "a name's '~' is written '~0'")
            }
            segments.append(.name(name, number: Self.number(name)))
        }
        self.segments = segments
    }

    /// The whole text.
    package static let root = JSONPointer(text: "", segments: [])

    private init(text: String, segments: [Segment]) {
        self.text = text
        self.segments = segments
    }

    package var description: String { text.isEmpty ? "\"\" (the whole body)" : text }

    package var hasWildcard: Bool { segments.contains(.every) }

    /// The verbatim bytes of the value at this place, nil when there is none.
    ///
    /// The text is read and checked whole. A pointer with wildcards gives its first match.
    package func value(
        in bytes: ArraySlice<UInt8>
    ) throws(RecordsError) -> ArraySlice<UInt8>? {
        let range = try JSONView.read(bytes) { view in
            find(in: view).map { view.range($0) }
        }
        return range.map {
            bytes[(bytes.startIndex + $0.lowerBound)..<(bytes.startIndex + $0.upperBound)]
        }
    }

    /// The verbatim bytes of every value at this place, in the order of the text.
    package func values(
        in bytes: ArraySlice<UInt8>
    ) throws(RecordsError) -> [ArraySlice<UInt8>] {
        let ranges = try JSONView.read(bytes) { view in
            findAll(in: view, from: 0).matches.map { view.range($0) }
        }
        return ranges.map {
            bytes[(bytes.startIndex + $0.lowerBound)..<(bytes.startIndex + $0.upperBound)]
        }
    }

    private static func unescaped(_ part: some Sequence<UInt8>) -> [UInt8]? {
        var name: [UInt8] = []
        var afterTilde = false
        for byte in part {
            if afterTilde {
                switch byte {
                case UInt8(ascii: "0"): name.append(UInt8(ascii: "~"))
                case UInt8(ascii: "1"): name.append(UInt8(ascii: "/"))
                default: return nil
                }
                afterTilde = false
            } else if byte == UInt8(ascii: "~") {
                afterTilde = true
            } else {
                name.append(byte)
            }
        }
        return afterTilde ? nil : name
    }

    /// `0`, or digits without a leading zero; RFC 6901 has no other array index.
    private static func number(_ name: [UInt8]) -> Int? {
        guard let first = name.first, name.count <= 9, first != UInt8(ascii: "0") || name.count == 1
        else { return nil }
        var number = 0
        for byte in name {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number
    }
}

extension JSONPointer {
    /// The tape index of the value at this place below `root`, the first one for wildcards.
    func find(in view: JSONView, from root: Int = 0) -> Int? {
        var node = root
        for segment in segments {
            guard let child = step(segment, from: node, in: view) else { return nil }
            node = child
        }
        return node
    }

    /// Every match below `root`; `reached` tells whether the place exists at all, even if empty.
    ///
    /// It exists when the way up to the first wildcard leads to an array.
    func findAll(in view: JSONView, from root: Int) -> (matches: [Int], reached: Bool) {
        var (nodes, reached) = ([root], !hasWildcard)
        for segment in segments {
            var children: [Int] = []
            for node in nodes {
                guard segment == .every else {
                    if let child = step(segment, from: node, in: view) { children.append(child) }
                    continue
                }
                guard view.kind(node) == .array else { continue }
                reached = true
                var child = node + 1
                while child < view.next(node) {
                    children.append(child)
                    child = view.next(child)
                }
            }
            nodes = children
        }
        return (nodes, hasWildcard ? reached : !nodes.isEmpty)
    }

    @inline(__always)
    private func step(_ segment: Segment, from node: Int, in view: JSONView) -> Int? {
        switch (segment, view.kind(node)) {
        case (.name(let name, _), .object): view.member(name, of: node)
        case (.name(_, let number?), .array): view.element(number, of: node)
        case (.every, .array): view.element(0, of: node)
        default: nil
        }
    }
}
