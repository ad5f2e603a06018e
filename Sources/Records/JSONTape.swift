/// The kind of a JSON value, or of a member's name.
enum JSONKind: UInt8 {
    case object, array, string, number, yes, no, null
    /// A member's name: it comes right before the member's value.
    case key
}

/// One value of a JSON text: where it lies, and where the next one begins on the tape.
struct JSONNode {
    /// The offset of its first byte (a string's quotation mark included).
    var start: UInt32
    /// The offset after its last byte.
    var end: UInt32
    /// The tape index after this value and all that it contains.
    var next: UInt32
    var kind: JSONKind
    /// Whether a string or a name holds a backslash.
    var escaped: Bool
}

/// The values of a JSON text in the order of the text: an index into its bytes, not a tree.
///
/// It is one growing block that a reader empties and fills again, so reading a page of a thousand
/// records allocates for the largest of them only.
struct JSONTape: ~Copyable {
    private(set) var nodes: UnsafeMutablePointer<JSONNode>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 128) {
        self.capacity = capacity
        nodes = .allocate(capacity: capacity)
    }

    deinit { nodes.deallocate() }

    @inline(__always)
    mutating func append(_ kind: JSONKind, start: Int, end: Int, escaped: Bool = false) -> Int {
        if count == capacity { grow() }
        let index = count
        (nodes + index).initialize(
            to: JSONNode(
                start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
                next: UInt32(truncatingIfNeeded: index + 1), kind: kind, escaped: escaped))
        count = index + 1
        return index
    }

    /// Ends the container at `index`: all that was appended since lies within it.
    @inline(__always)
    mutating func close(_ index: Int, end: Int) {
        nodes[index].end = UInt32(truncatingIfNeeded: end)
        nodes[index].next = UInt32(truncatingIfNeeded: count)
    }

    /// Forgets everything from `mark` on.
    mutating func truncate(to mark: Int) {
        precondition(mark <= count)
        count = mark
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<JSONNode>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: nodes, count: count)
        nodes.deallocate()
        nodes = larger
        capacity *= 2
    }
}
