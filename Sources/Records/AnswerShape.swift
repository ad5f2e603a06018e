/// What there is in an answer, for whoever writes the pointers into it.
package enum AnswerShape {
    /// Below this many objects nobody looks for records.
    private static let mostDepth = 4
    private static let mostNames = 6

    /// Where arrays are that may be the records, as pointers, from outside in.
    package static func arrays(in body: [UInt8]) -> [String] {
        let found = try? JSONView.read(body[...]) { (view) -> [String] in
            var found: [String] = []
            var level = [(node: 0, pointer: "")]
            for _ in 0...mostDepth {
                var below: [(node: Int, pointer: String)] = []
                for (node, pointer) in level {
                    switch view.kind(node) {
                    case .array where holdsRecords(view, node): found.append(pointer)
                    case .object: below += members(view, node, at: pointer)
                    default: continue
                    }
                }
                level = below
            }
            return found
        }
        return Array((found ?? []).prefix(mostNames))
    }

    /// Where the first record has texts and numbers that may be its identity, as pointers into it.
    ///
    /// - Parameter records: where the array of records is.
    package static func identities(in body: [UInt8], records: JSONPointer) -> [String] {
        let found = try? JSONView.read(body[...]) { (view) -> [String] in
            guard let array = records.find(in: view), view.kind(array) == .array,
                let record = view.element(0, of: array), view.kind(record) == .object
            else { return [] }
            return members(view, record, at: "").filter { member in
                view.kind(member.node) == .string || view.kind(member.node) == .number
            }.map(\.pointer)
        }
        return Array((found ?? []).prefix(mostNames))
    }

    /// Where whole numbers are outside the records that may count all of them, as pointers.
    ///
    /// - Parameter rows: how many records came: a number that is no more may count these alone.
    package static func totals(in body: [UInt8], rows: Int) -> [String] {
        let found = try? JSONView.read(body[...]) { (view) -> [String] in
            var found: [String] = []
            var level = [(node: 0, pointer: "")]
            for _ in 0...mostDepth {
                let below = level.flatMap { node, pointer in
                    view.kind(node) == .object ? members(view, node, at: pointer) : []
                }
                found += below.filter { member in
                    guard view.kind(member.node) == .number,
                        let number = Int(String(decoding: view.raw(member.node), as: UTF8.self))
                    else { return false }
                    return number > rows && isCount(member.pointer)
                }.map(\.pointer)
                level = below
            }
            return found
        }
        return Array((found ?? []).prefix(mostNames))
    }

    /// Whether a name says that it counts all: other numbers are pages, limits and times.
    private static func isCount(_ pointer: String) -> Bool {
        let name = pointer.split(separator: "/").last?.lowercased() ?? ""
        guard !["page", "offset", "limit", "time"].contains(where: name.contains) else {
            return false
        }
        return name == "of" || ["total", "count", "found", "hits"].contains(where: name.contains)
    }

    private static func holdsRecords(_ view: JSONView, _ array: Int) -> Bool {
        view.element(0, of: array).map { view.kind($0) == .object } ?? true
    }

    private static func members(
        _ view: JSONView, _ object: Int, at pointer: String
    ) -> [(node: Int, pointer: String)] {
        var found: [(node: Int, pointer: String)] = []
        var key = object + 1
        while key < view.next(object) {
            if let name = view.text(key) {
                let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
                found.append((key + 1, "\(pointer)/\(escaped)"))
            }
            key = view.next(key + 1)
        }
        return found
    }
}
