extension CronExpression {
    /// What is wrong with a text, in one line that names the field, what was found and what may be.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// The five fields that a name stands for.
    private static let nicknames = [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"),
    ]

    /// Reads five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    ///
    /// A field is a list of values, ranges (`1-5`) and steps (`*/15`, `8-18/2`); months and days of
    /// the week may be named (`JAN`, `Mon`). A step needs a range or `*` before it.
    package init(_ text: String) throws(Problem) {
        var fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
        if let first = fields.first, first.hasPrefix("@") {
            let name = first.lowercased()
            guard fields.count == 1,
                let expression = Self.nicknames.first(where: { $0.0 == name })?.1
            else {
                let known = Self.nicknames.map(\.0).joined(separator: ", ")
                throw Problem(description: "\"\(text)\" is none of \(known)")
            }
            fields = expression.split(separator: " ")
        }
        guard fields.count == Field.allCases.count else {
            let names = Field.allCases.map(\.name).joined(separator: " ")
            throw Problem(
                description: "\"\(text)\" has \(fields.count) fields, not five: \(names)")
        }
        var values: [Values] = []
        for (field, text) in zip(Field.allCases, fields) {
            values.append(try Self.values(String(text), of: field))
        }
        self.init(values: values)
        guard everComes else {
            throw Problem(
                description: "\"\(text)\" never comes: no such month has day-of-month "
                    + self[.dayOfMonth].text)
        }
    }

    private static func values(_ text: String, of field: Field) throws(Problem) -> Values {
        var bits: UInt64 = 0
        var items: [String] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(
                separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let step = parts.count == 2 ? Int.figures(parts[1]) : 1
            guard let step, step > 0, step <= field.range.upperBound,
                let range = range(parts[0], of: field, isStepped: parts.count == 2)
            else { throw refusal(of: String(item), field) }
            for value in stride(from: range.lowerBound, through: range.upperBound, by: step) {
                // 7 is Sunday too.
                let isSunday = field == .dayOfWeek && value == 7
                bits |= 1 << UInt64(isSunday ? 0 : value)
            }
            let start =
                parts[0] == "*"
                ? "*"
                : range.count == 1 && parts.count == 1
                    ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
            items.append(parts.count == 2 ? "\(start)/\(step)" : start)
        }
        return Values(
            bits: bits, isWildcard: text.hasPrefix("*"), text: items.joined(separator: ","))
    }

    /// `*`, a value, or two of them; nil for anything else.
    private static func range(
        _ text: Substring, of field: Field, isStepped: Bool
    ) -> ClosedRange<Int>? {
        if text == "*" {
            // Sunday counts once.
            return field == .dayOfWeek ? 0...6 : field.range
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map {
            value($0, of: field)
        }
        guard let first = ends.first, let low = first, let last = ends.last, let high = last,
            ends.count == 2 || ends.count == 1 && !isStepped, low <= high
        else { return nil }
        return low...high
    }

    private static func value(_ text: Substring, of field: Field) -> Int? {
        if let index = field.names.firstIndex(of: text.uppercased()) {
            return field.range.lowerBound + index
        }
        guard let number = Int.figures(text), field.range.contains(number) else { return nil }
        return number
    }

    private static func refusal(of item: String, _ field: Field) -> Problem {
        var allowed = "\(field.range.lowerBound)-\(field.range.upperBound)"
        if let first = field.names.first, let last = field.names.last {
            allowed += ", \(first)-\(last)"
        }
        let shown = item.count > 40 ? item.prefix(40) + "..." : item[...]
        return Problem(
            description: "\(field.name) \"\(shown)\" is not allowed: \(allowed), "
                + "ranges a-b, steps */n and a-b/n, lists of these")
    }
}

extension Int {
    /// A number of at most four figures, without a sign.
    fileprivate static func figures(_ text: Substring) -> Int? {
        let isNumber =
            (1...4).contains(text.utf8.count)
            && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return isNumber ? Int(text) : nil
    }
}
