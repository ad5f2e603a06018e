import EventLog

/// A JSON document to print; numbers are given as their literals.
indirect enum JSONText: ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByBooleanLiteral, Sendable
{
    case string(String)
    /// A literal that is already JSON: a number, `true`, `null`.
    case literal(String)
    case array([JSONText])
    /// In the order given.
    case object([(String, JSONText)])

    init(stringLiteral value: String) { self = .string(value) }
    init(booleanLiteral value: Bool) { self = .literal(value ? "true" : "false") }
    init(arrayLiteral elements: JSONText...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONText)...) { self = .object(elements) }

    /// Two spaces a level, a member a line.
    func rendered() -> String { written(JSONWriter(isIndented: true, escapes: .numbers)) }

    /// All of it on one line, without white space.
    var line: String { written(JSONWriter(escapes: .numbers)) }

    private func written(_ empty: JSONWriter) -> String {
        var writer = empty
        write(to: &writer)
        return writer.text
    }

    private func write(to json: inout JSONWriter) {
        switch self {
        case .string(let text): json.string(text)
        case .literal(let text): json.literal(text.utf8)
        case .array(let items): json.array { for item in items { item.write(to: &$0) } }
        case .object(let members):
            json.object {
                for (name, value) in members {
                    $0.name(name)
                    value.write(to: &$0)
                }
            }
        }
    }
}
