/// A length of time as people write it: `90s`, `30m`, `2h`, `1d`, or several parts (`1h30m`).
struct TimeSpan: Equatable {
    let ms: Int64

    /// - Returns: nil for anything else, a bare number included.
    init?(_ text: String) {
        var total: Int64 = 0
        var digits = ""
        var parts = 0
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let unit = Self.units[character], let number = Int64(digits) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: unit)
            let (sum, overflows) = total.addingReportingOverflow(product)
            guard !overflow, !overflows else { return nil }
            total = sum
            digits = ""
            parts += 1
        }
        guard digits.isEmpty, parts > 0 else { return nil }
        ms = total
    }

    /// The milliseconds of a text that was checked when it was read.
    static func ms(_ checked: String) -> Int64 {
        guard let span = TimeSpan(checked) else {
            preconditionFailure("\(checked) was not checked to be a length of time")
        }
        return span.ms
    }

    private static let units: [Character: Int64] = [
        "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]

    /// A number of seconds as people read it: `3 h 10 min`, `42 s`.
    static func text(seconds: Int64) -> String {
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
        ].filter { $0.0 > 0 }
        guard !parts.isEmpty else { return "0 s" }
        return parts.prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }
}
