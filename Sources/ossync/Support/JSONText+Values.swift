extension JSONText {
    /// A number.
    static func number(_ value: some BinaryInteger) -> JSONText { .literal(String(value)) }

    /// A number of seconds with three decimals.
    static func seconds(ns: Int64) -> JSONText {
        let ms = max(ns, 0) / 1_000_000
        let fraction = String(ms % 1_000)
        let padding = String(repeating: "0", count: 3 - fraction.count)
        return .literal("\(ms / 1_000).\(padding)\(fraction)")
    }

    /// A text, or null.
    static func optional(_ text: String?) -> JSONText { text.map { .string($0) } ?? .null }

    static var null: JSONText { .literal("null") }
}
