import SyncEngine

/// Times of cron as calendar events of systemd.time(7).
enum SystemdCalendar {
    /// The values of `OnCalendar=`: two where either of two days is enough, else one.
    static func events(_ cron: CronExpression, timeZone: String) -> [String] {
        let time = "\(text(cron, .hour)):\(text(cron, .minute)):00 \(timeZone)"
        let month = text(cron, .month)
        let weekdays = weekdays(cron).map { "\($0) " } ?? ""
        let ofMonth = "*-\(month)-\(text(cron, .dayOfMonth)) \(time)"
        return cron.takesEitherDay
            ? [ofMonth, "\(weekdays)*-\(month)-* \(time)"] : [weekdays + ofMonth]
    }

    /// `*`, a start with a step (`00/15`), or values and ranges (`01,03,08..12`).
    private static func text(_ cron: CronExpression, _ field: CronExpression.Field) -> String {
        let values = field.range.filter { cron[field].contains($0) }
        if values.count == field.range.count { return "*" }
        if let step = step(values, of: field) { return "\(digits(values[0]))/\(step)" }
        return ranges(values).map { range in
            range.count < 3
                ? range.map(digits).joined(separator: ",")
                : "\(digits(range.lowerBound))..\(digits(range.upperBound))"
        }.joined(separator: ",")
    }

    /// The distance of values that go on to the end of the field; nil where they don't.
    private static func step(_ values: [Int], of field: CronExpression.Field) -> Int? {
        guard values.count > 2, let last = values.last else { return nil }
        let step = values[1] - values[0]
        let isEven = zip(values, values.dropFirst()).allSatisfy { $1 - $0 == step }
        return isEven && step > 1 && last + step > field.range.upperBound ? step : nil
    }

    private static func ranges(_ values: [Int]) -> [ClosedRange<Int>] {
        values.reduce(into: []) { ranges, value in
            if let last = ranges.last, last.upperBound + 1 == value {
                ranges[ranges.count - 1] = last.lowerBound...value
            } else {
                ranges.append(value...value)
            }
        }
    }

    /// `Mon,Fri`; nil for all of them.
    private static func weekdays(_ cron: CronExpression) -> String? {
        let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let chosen = names.indices.filter { cron[.dayOfWeek].contains($0) }
        return chosen.count == names.count
            ? nil : chosen.map { names[$0] }.joined(separator: ",")
    }

    private static func digits(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
}
