internal import CXXHash
internal import SyncCore

/// Writes the canonical form of a value and hashes it, with buffers that it keeps for the next one.
///
/// Canonical: members sorted by the bytes of their canonical names, of several with one name the
/// last; no white space; numbers as they are spelled; strings by `JSONString.canonical`. The form
/// decides what counts as changed in every existing store: it may never be altered.
struct CanonicalWriter: ~Copyable {
    private struct Member {
        /// The name's first eight bytes as a number: it decides nearly every comparison.
        var prefix: UInt64
        var key: Int
    }

    private let ignored: [JSONPointer]
    private var output: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0
    /// The members of all open objects, the innermost last.
    private var members: [Member] = []

    init(ignoring ignored: [JSONPointer]) {
        self.ignored = ignored
        capacity = 4096
        output = .allocate(capacity: capacity)
    }

    deinit { output.deallocate() }

    mutating func fingerprint(_ view: JSONView, _ node: Int) -> Fingerprint {
        write(view, node)
        let hash = XXH3_128bits(output, count)
        return Fingerprint(high: hash.high64, low: hash.low64)
    }

    mutating func canonical(_ view: JSONView, _ node: Int) -> [UInt8] {
        write(view, node)
        return Array(UnsafeBufferPointer(start: output, count: count))
    }

    private mutating func write(_ view: JSONView, _ node: Int) {
        // The canonical form is never longer than the text: one reservation does for all of it.
        let needed = view.range(node).count
        if needed > capacity {
            output.deallocate()
            capacity = max(needed, capacity * 2)
            output = .allocate(capacity: capacity)
        }
        count = 0
        members.removeAll(keepingCapacity: true)
        emit(view, node, ignored.isEmpty ? 0 : ~0 >> UInt64(64 - ignored.count), 0)
    }

    /// - Parameter mask: the ignored pointers whose first `depth` segments led here.
    private mutating func emit(_ view: JSONView, _ node: Int, _ mask: UInt64, _ depth: Int) {
        switch view.kind(node) {
        case .object: emitObject(view, node, mask, depth)
        case .array: emitArray(view, node, mask, depth)
        case .string, .key: emitString(view, node)
        default: copy(view.raw(node))
        }
    }

    private mutating func emitArray(_ view: JSONView, _ node: Int, _ mask: UInt64, _ depth: Int) {
        put(UInt8(ascii: "["))
        var (child, number, isFirst) = (node + 1, 0, true)
        let end = view.next(node)
        while child < end {
            let below = mask == 0 ? (0, false) : descend(mask, depth, element: number)
            if !below.1 {
                if !isFirst { put(UInt8(ascii: ",")) }
                isFirst = false
                emit(view, child, below.0, depth + 1)
            }
            child = view.next(child)
            number += 1
        }
        put(UInt8(ascii: "]"))
    }

    private mutating func emitObject(_ view: JSONView, _ node: Int, _ mask: UInt64, _ depth: Int) {
        let first = members.count
        gather(view, node)
        put(UInt8(ascii: "{"))
        var isFirst = true
        for index in first..<members.count {
            let key = members[index].key
            let isRepeated =
                index + 1 < members.count && members[index + 1].prefix == members[index].prefix
                && Self.compare(view, key, members[index + 1].key) == 0
            if isRepeated { continue }
            let below = mask == 0 ? (0, false) : descend(mask, depth, key: key, view)
            if below.1 { continue }
            if !isFirst { put(UInt8(ascii: ",")) }
            isFirst = false
            emitString(view, key)
            put(UInt8(ascii: ":"))
            emit(view, key + 1, below.0, depth + 1)
        }
        put(UInt8(ascii: "}"))
        members.removeSubrange(first...)
    }

    /// Appends the members of an object in canonical order; those of one name in that of the text.
    private mutating func gather(_ view: JSONView, _ node: Int) {
        let first = members.count
        var key = node + 1
        let end = view.next(node)
        while key < end {
            members.append(Member(prefix: Self.prefix(view, key), key: key))
            key = view.next(key + 1)
        }
        let total = members.count - first
        guard total > 1 else { return }
        guard total <= 64 else {
            members[first...].sort { Self.isBefore(view, $0, $1) }
            return
        }
        members.withUnsafeMutableBufferPointer { buffer in
            for index in (first + 1)..<(first + total) {
                let member = buffer[index]
                var place = index
                while place > first, Self.isBefore(view, member, buffer[place - 1]) {
                    buffer[place] = buffer[place - 1]
                    place -= 1
                }
                buffer[place] = member
            }
        }
    }

    // MARK: - Comparing names

    /// Zero bytes fill a short name up: no name holds one unescaped, so the order is right.
    @inline(__always)
    private static func prefix(_ view: JSONView, _ key: Int) -> UInt64 {
        guard !view.nodes[key].escaped else {
            return JSONString.canonical(view.content(key)).withUnsafeBufferPointer {
                prefix($0)
            }
        }
        return prefix(view.content(key))
    }

    @inline(__always)
    private static func prefix(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
        if name.count >= 8, let base = name.baseAddress {
            return UInt64(bigEndian: UnsafeRawPointer(base).loadUnaligned(as: UInt64.self))
        }
        var prefix: UInt64 = 0
        for byte in name { prefix = prefix << 8 | UInt64(byte) }
        return name.isEmpty ? 0 : prefix << UInt64(8 * (8 - name.count))
    }

    @inline(__always)
    private static func isBefore(_ view: JSONView, _ left: Member, _ right: Member) -> Bool {
        if left.prefix != right.prefix { return left.prefix < right.prefix }
        let order = compare(view, left.key, right.key)
        return order == 0 ? left.key < right.key : order < 0
    }

    /// Less than, equal to or greater than 0, as the left name comes before, equals, or follows.
    private static func compare(_ view: JSONView, _ left: Int, _ right: Int) -> Int {
        guard view.nodes[left].escaped || view.nodes[right].escaped else {
            return compare(view.content(left), view.content(right))
        }
        return JSONString.canonical(view.content(left)).withUnsafeBufferPointer { left in
            JSONString.canonical(view.content(right)).withUnsafeBufferPointer { right in
                compare(left, right)
            }
        }
    }

    private static func compare(
        _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Int {
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return Int(left[index]) - Int(right[index])
        }
        return left.count - right.count
    }

    // MARK: - Ignored places

    /// The pointers that lead on through this member, and whether one of them ends here.
    private borrowing func descend(
        _ mask: UInt64, _ depth: Int, key: Int, _ view: JSONView
    ) -> (UInt64, Bool) {
        descend(mask, depth) { segment in
            switch segment {
            case .name(let name, _): view.isNamed(key, name)
            case .every: false
            }
        }
    }

    private borrowing func descend(
        _ mask: UInt64, _ depth: Int, element: Int
    ) -> (UInt64, Bool) {
        descend(mask, depth) { segment in
            switch segment {
            case .name(_, let number): number == element
            case .every: true
            }
        }
    }

    private borrowing func descend(
        _ mask: UInt64, _ depth: Int, _ matches: (JSONPointer.Segment) -> Bool
    ) -> (UInt64, Bool) {
        var (below, rest): (UInt64, UInt64) = (0, mask)
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest - 1
            let segments = ignored[index].segments
            guard depth < segments.count, matches(segments[depth]) else { continue }
            if depth == segments.count - 1 { return (0, true) }
            below |= 1 << UInt64(index)
        }
        return (below, false)
    }

    // MARK: - Output

    private mutating func emitString(_ view: JSONView, _ node: Int) {
        guard view.nodes[node].escaped else { return copy(view.raw(node)) }
        put(UInt8(ascii: "\""))
        count += JSONString.canonical(view.content(node), into: output + count)
        put(UInt8(ascii: "\""))
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        output[count] = byte
        count += 1
    }

    @inline(__always)
    private mutating func copy(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress else { return }
        (output + count).update(from: base, count: bytes.count)
        count += bytes.count
    }
}
