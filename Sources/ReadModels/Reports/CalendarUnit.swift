package import SyncCore

/// A stretch of the calendar that records are grouped by.
package enum CalendarUnit: String, Sendable, CaseIterable {
    case day
    /// An ISO 8601 week: from Monday on, and of the year that its Thursday lies in.
    case week
    case month

    /// The number of the stretch that a day lies in; the one after it has the next number.
    package func number(of day: CivilDate) -> Int64 {
        switch self {
        case .day: day.daysSinceEpoch
        // 1970-01-01 was a Thursday.
        case .week: (day.daysSinceEpoch + 3).floorDivided(by: 7)
        case .month: day.year * 12 + day.month - 1
        }
    }

    /// The stretch as ISO 8601 writes it: `2026-11-24`, `2026-W48`, `2026-11`.
    package func label(_ number: Int64) -> String {
        switch self {
        case .day:
            let date = CivilDate(daysSinceEpoch: number)
            return "\(Self.year(date.year))-\(Self.two(date.month))-\(Self.two(date.day))"
        case .week:
            let thursday = number * 7
            let year = CivilDate(daysSinceEpoch: thursday).year
            let newYear = CivilDate.daysSinceEpoch(year: year, month: 1, day: 1)
            return "\(Self.year(year))-W\(Self.two((thursday - newYear) / 7 + 1))"
        case .month:
            let year = number.floorDivided(by: 12)
            return "\(Self.year(year))-\(Self.two(number - year * 12 + 1))"
        }
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The first days of year 0 lie in the last week of the year before.
    private static func year(_ year: Int64) -> String {
        let digits = String(year.magnitude)
        return (year < 0 ? "-" : "") + String(repeating: "0", count: max(4 - digits.count, 0))
            + digits
    }
}
