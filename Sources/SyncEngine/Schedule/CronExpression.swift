internal import SyncCore

/// The times that five fields of crontab(5) name: `minute hour day-of-month month day-of-week`.
///
/// A field that begins with `*` restricts nothing by itself: a day matches when both day fields
/// do, and when both are restricted, when either does. Sunday is 0 and 7.
package struct CronExpression: Sendable, Equatable {
    package enum Field: Int, Sendable, CaseIterable {
        case minute, hour, dayOfMonth, month, dayOfWeek

        package var name: String {
            switch self {
            case .minute: "minute"
            case .hour: "hour"
            case .dayOfMonth: "day-of-month"
            case .month: "month"
            case .dayOfWeek: "day-of-week"
            }
        }

        /// What may be written; 7 is Sunday, as 0 is.
        package var range: ClosedRange<Int> {
            switch self {
            case .minute: 0...59
            case .hour: 0...23
            case .dayOfMonth: 1...31
            case .month: 1...12
            case .dayOfWeek: 0...7
            }
        }

        /// The names of its values, the first one that of `range.lowerBound`.
        var names: [String] {
            switch self {
            case .month:
                [
                    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV",
                    "DEC",
                ]
            case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
            default: []
            }
        }
    }

    /// The values of one field.
    package struct Values: Sendable, Equatable {
        /// A bit for each value.
        let bits: UInt64
        /// Whether the field begins with `*`.
        package let isWildcard: Bool
        /// In figures, without names, as every cron takes it.
        package let text: String

        package func contains(_ value: Int) -> Bool { bits >> UInt64(value) & 1 == 1 }

        /// The least value from `value` on.
        func next(from value: Int) -> Int? {
            guard value < 64 else { return nil }
            let rest = (bits >> UInt64(value)) << UInt64(value)
            return rest == 0 ? nil : rest.trailingZeroBitCount
        }
    }

    /// By the number of the field.
    private let values: [Values]

    init(values: [Values]) { self.values = values }

    package subscript(_ field: Field) -> Values { values[field.rawValue] }

    /// The five fields in figures.
    package var text: String { values.map(\.text).joined(separator: " ") }

    /// Whether a day of the week and a day of the month are both named, so that either is enough.
    package var takesEitherDay: Bool {
        !self[.dayOfMonth].isWildcard && !self[.dayOfWeek].isWildcard
    }

    /// Whether the times go by what has passed, and not by what the clocks show: its minute or its
    /// hour begins with `*`.
    package var isByElapsedTime: Bool { self[.minute].isWildcard || self[.hour].isWildcard }

    /// The day of the week of a day since 1970-01-01; 0 is Sunday.
    package static func weekday(_ days: Int64) -> Int64 {
        let shifted = days + 4
        return shifted - shifted.floorDivided(by: 7) * 7
    }

    /// Whether it names a minute of civil time; seconds don't count.
    package func matches(_ civil: CivilTime) -> Bool {
        let second = Int(civil.secondOfDay)
        return matchesDay(civil.date, days: civil.seconds.floorDivided(by: 86_400))
            && self[.hour].contains(second / 3_600)
            && self[.minute].contains(second / 60 % 60)
    }

    private func matchesDay(_ date: CivilDate, days: Int64) -> Bool {
        guard self[.month].contains(Int(date.month)) else { return false }
        let isOfMonth = self[.dayOfMonth].contains(Int(date.day))
        let isOfWeek = self[.dayOfWeek].contains(Int(Self.weekday(days)))
        return takesEitherDay ? isOfMonth || isOfWeek : isOfMonth && isOfWeek
    }

    /// The first full minute of civil time from `start` on, and before `end`, that it names.
    func firstCivil(from start: CivilTime, before end: Int64) -> CivilTime? {
        // Up to the next full minute.
        var minute = (start.seconds.saturatingAdd(59)).floorDivided(by: 60)
        while minute < end.saturatingAdd(59).floorDivided(by: 60) {
            let day = minute.floorDivided(by: 1_440)
            let date = CivilDate(daysSinceEpoch: day)
            guard self[.month].contains(Int(date.month)) else {
                let next = CivilDate.daysSinceEpoch(
                    year: date.month == 12 ? date.year + 1 : date.year,
                    month: date.month % 12 + 1, day: 1)
                minute = next * 1_440
                continue
            }
            if matchesDay(date, days: day), let found = firstMinute(from: minute - day * 1_440) {
                let seconds = (day * 1_440 + found) * 60
                return seconds < end ? CivilTime(seconds: seconds) : nil
            }
            minute = (day + 1) * 1_440
        }
        return nil
    }

    /// The first minute of a day from `start` (0..<1,440) on.
    private func firstMinute(from start: Int64) -> Int64? {
        let hour = Int(start / 60)
        if self[.hour].contains(hour), let minute = self[.minute].next(from: Int(start % 60)) {
            return Int64(hour * 60 + minute)
        }
        guard let next = self[.hour].next(from: hour + 1), let minute = self[.minute].next(from: 0)
        else { return nil }
        return Int64(next * 60 + minute)
    }

    /// Whether any day of the calendar's 400 years matches: 31 February doesn't.
    var everComes: Bool {
        let start = CivilTime(2_000, 1, 1)
        return firstCivil(from: start, before: CivilTime(2_400, 1, 1).seconds) != nil
    }
}
