/// One place at which two JSON texts differ.
package struct JSONDifference: Sendable, Equatable {
    /// The place, as RFC 6901 writes it; "" is the whole text. In a list where elements were
    /// removed it is the number in the old text, else that in the new one.
    package let pointer: String
    /// The verbatim bytes; nil where there was nothing.
    package let before: [UInt8]?
    /// The verbatim bytes; nil where there is nothing any more.
    package let after: [UInt8]?

    /// How two texts differ, in the order of the old one, with what is new in an object behind.
    ///
    /// Two spellings of one value don't differ, as for `Fingerprinter`; an element that was put
    /// into a list, or taken out of one, is one difference.
    package static func between(
        _ old: ArraySlice<UInt8>, _ new: ArraySlice<UInt8>
    ) throws(RecordsError) -> [JSONDifference] {
        try JSONView.read(old) { (old) throws(RecordsError) in
            try JSONView.read(new) { (new) throws(RecordsError) in
                var comparison = JSONComparison(old: old, new: new)
                comparison.compare(0, 0, at: "")
                return comparison.found
            }
        }
    }
}

private struct JSONComparison: ~Copyable {
    let old: JSONView
    let new: JSONView
    var found: [JSONDifference] = []
    private var writer = CanonicalWriter(ignoring: [])

    init(old: JSONView, new: JSONView) {
        self.old = old
        self.new = new
    }

    mutating func compare(_ before: Int, _ after: Int, at pointer: String) {
        switch (old.kind(before), new.kind(after)) {
        case (.object, .object): compareMembers(before, after, at: pointer)
        case (.array, .array): compareElements(before, after, at: pointer)
        default: if !isEqual(before, after) { note(pointer, before, after) }
        }
    }

    private mutating func note(_ pointer: String, _ before: Int?, _ after: Int?) {
        found.append(
            JSONDifference(
                pointer: pointer, before: before.map { Array(old.raw($0)) },
                after: after.map { Array(new.raw($0)) }))
    }

    private mutating func isEqual(_ before: Int, _ after: Int) -> Bool {
        writer.canonical(old, before) == writer.canonical(new, after)
    }

    // MARK: Objects

    private mutating func compareMembers(_ before: Int, _ after: Int, at pointer: String) {
        let (mine, theirs) = (members(of: before, in: old), members(of: after, in: new))
        for (name, value) in mine.list {
            let place = "\(pointer)/\(Self.escaped(name))"
            if let other = theirs.byName[name] {
                compare(value, other, at: place)
            } else {
                note(place, value, nil)
            }
        }
        for (name, value) in theirs.list where mine.byName[name] == nil {
            note("\(pointer)/\(Self.escaped(name))", nil, value)
        }
    }

    /// Of several members with one name the last one counts.
    private func members(
        of object: Int, in view: JSONView
    ) -> (list: [(name: [UInt8], value: Int)], byName: [[UInt8]: Int]) {
        var list: [(name: [UInt8], value: Int)] = []
        var byName: [[UInt8]: Int] = [:]
        var key = object + 1
        while key < view.next(object) {
            let name = JSONString.canonical(view.content(key))
            if byName.updateValue(key + 1, forKey: name) == nil { list.append((name, 0)) }
            key = view.next(key + 1)
        }
        return (list.map { ($0.name, byName[$0.name] ?? 0) }, byName)
    }

    /// A name as a part of a pointer.
    private static func escaped(_ name: [UInt8]) -> String {
        let plain =
            name.withUnsafeBufferPointer { JSONString.bytes($0) } ?? name
        return String(decoding: plain, as: UTF8.self).reduce(into: "") { text, character in
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.append(character)
            }
        }
    }

    // MARK: Lists

    private mutating func compareElements(_ before: Int, _ after: Int, at pointer: String) {
        let (mine, theirs) = (elements(of: before, in: old), elements(of: after, in: new))
        let common = min(mine.count, theirs.count)
        guard mine.count != theirs.count else {
            for index in 0..<common {
                compare(mine[index], theirs[index], at: "\(pointer)/\(index)")
            }
            return
        }
        // What is the same at both ends has only moved.
        var first = 0
        while first < common, isEqual(mine[first], theirs[first]) { first += 1 }
        var last = 0
        while last < common - first,
            isEqual(mine[mine.count - 1 - last], theirs[theirs.count - 1 - last])
        { last += 1 }
        for index in first..<(max(mine.count, theirs.count) - last) {
            let old = index < mine.count - last ? mine[index] : nil
            let new = index < theirs.count - last ? theirs[index] : nil
            let place = "\(pointer)/\(index)"
            if let old, let new { compare(old, new, at: place) } else { note(place, old, new) }
        }
    }

    private func elements(of array: Int, in view: JSONView) -> [Int] {
        var elements: [Int] = []
        var node = array + 1
        while node < view.next(array) {
            elements.append(node)
            node = view.next(node)
        }
        return elements
    }
}
