/// A read text beside its tape: what pointers are resolved in.
///
/// It borrows both; it must not outlive the closure in which they were made.
struct JSONView {
    let base: UnsafePointer<UInt8>
    let nodes: UnsafeMutablePointer<JSONNode>

    @inline(__always)
    func range(_ node: Int) -> Range<Int> { Int(nodes[node].start)..<Int(nodes[node].end) }

    @inline(__always)
    func kind(_ node: Int) -> JSONKind { nodes[node].kind }

    @inline(__always)
    func next(_ node: Int) -> Int { Int(nodes[node].next) }

    /// The verbatim bytes of a value.
    func raw(_ node: Int) -> UnsafeBufferPointer<UInt8> {
        let range = range(node)
        return UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// The bytes of a string or a name between its quotation marks.
    @inline(__always)
    func content(_ node: Int) -> UnsafeBufferPointer<UInt8> {
        let (start, end) = (Int(nodes[node].start) + 1, Int(nodes[node].end) - 1)
        return UnsafeBufferPointer(start: base + start, count: end - start)
    }

    /// A string's content as UTF-8; nil when half a surrogate pair is in it.
    func text(_ node: Int) -> String? {
        let content = content(node)
        guard nodes[node].escaped else { return String(decoding: content, as: UTF8.self) }
        return JSONString.bytes(content).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a member's name is these bytes, however it is spelled.
    @inline(__always)
    func isNamed(_ key: Int, _ name: [UInt8]) -> Bool {
        let content = content(key)
        if nodes[key].escaped { return JSONString.bytes(content) == name }
        guard content.count == name.count else { return false }
        for index in 0..<name.count where content[index] != name[index] { return false }
        return true
    }

    /// The value of a member: the last one of that name, as most parsers have it.
    func member(_ name: [UInt8], of object: Int) -> Int? {
        var key = object + 1
        let end = next(object)
        var found: Int?
        while key < end {
            if isNamed(key, name) { found = key + 1 }
            key = next(key + 1)
        }
        return found
    }

    /// An array's element by its number.
    func element(_ number: Int, of array: Int) -> Int? {
        var (node, remaining) = (array + 1, number)
        let end = next(array)
        while node < end {
            if remaining == 0 { return node }
            remaining -= 1
            node = next(node)
        }
        return nil
    }
}

extension JSONView {
    /// Reads `bytes` whole and hands the result to `body`; the root's tape index is 0.
    static func read<Result>(
        _ bytes: ArraySlice<UInt8>,
        _ body: (JSONView) throws(RecordsError) -> Result
    ) throws(RecordsError) -> Result {
        try bytes.withUnsafeBufferPointer { (buffer) throws(RecordsError) -> Result in
            var scanner = try JSONScanner(buffer)
            try scanner.document()
            return try body(JSONView(base: scanner.base, nodes: scanner.tape.nodes))
        }
    }
}
