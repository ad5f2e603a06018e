/// The first few of many by a key, in its order, without keeping the others.
struct FirstInOrder<Element> {
    private let limit: Int?
    private var kept: [(key: [UInt8], element: Element)] = []
    /// Once there are so many, those beyond the limit are let go.
    private let most: Int

    /// - Parameter limit: nil keeps all.
    init(limit: Int?) {
        self.limit = limit.map { max($0, 0) }
        most = limit.map { 2 * min(max($0, 0), .max / 4) + 1_024 } ?? .max
    }

    mutating func take(_ element: Element, key: [UInt8]) {
        kept.append((key, element))
        if kept.count >= most { cut() }
    }

    private mutating func cut() {
        sort()
        if let limit, kept.count > limit { kept.removeSubrange(limit...) }
    }

    private mutating func sort() { kept.sort { $0.key.lexicographicallyPrecedes($1.key) } }

    var inOrder: [Element] {
        var all = self
        all.cut()
        return all.kept.map(\.element)
    }
}
