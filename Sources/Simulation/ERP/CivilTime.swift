/// A moment as a calendar shows it: proleptic Gregorian, no leap seconds.
///
/// Days to dates after Howard Hinnant, "chrono-compatible low-level date algorithms".
struct CivilTime {
    let year: Int64
    let month: Int64
    let day: Int64
    let secondOfDay: Int64
    /// 0 is Sunday.
    let weekday: Int

    /// From seconds since 1970-01-01T00:00:00, in whatever time zone they were counted.
    init(seconds: Int64) {
        let days = Self.floored(seconds, 86_400)
        secondOfDay = seconds - days * 86_400
        weekday = Int(((days + 4) % 7 + 7) % 7)
        let shifted = days + 719_468
        let era = Self.floored(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// As HTTP writes it (RFC 9110, IMF-fixdate): `Sun, 06 Nov 1994 08:49:37 GMT`.
    var httpDate: String {
        let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let clock = [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60]
            .map(Self.twoDigits).joined(separator: ":")
        return "\(weekdays[weekday]), \(Self.twoDigits(day)) \(months[Int(month) - 1]) \(year) "
            + "\(clock) GMT"
    }

    private static func twoDigits(_ value: Int64) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }

    private static func floored(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }
}

extension JSONWriter {
    /// A date in quotes: `"2024-03-05"`.
    mutating func date(_ seconds: Int64) {
        raw("\"")
        day(CivilTime(seconds: seconds))
        raw("\"")
    }

    /// A local time of São Paulo, which has kept -03:00 since 2019, in quotes.
    mutating func dateTime(localSeconds seconds: Int64) {
        let time = CivilTime(seconds: seconds)
        raw("\"")
        day(time)
        raw("T")
        digits(UInt64(time.secondOfDay / 3_600), atLeast: 2)
        raw(":")
        digits(UInt64(time.secondOfDay / 60 % 60), atLeast: 2)
        raw(":")
        digits(UInt64(time.secondOfDay % 60), atLeast: 2)
        raw("-03:00\"")
    }

    private mutating func day(_ time: CivilTime) {
        digits(UInt64(max(0, time.year)), atLeast: 4)
        raw("-")
        digits(UInt64(time.month), atLeast: 2)
        raw("-")
        digits(UInt64(time.day), atLeast: 2)
    }
}
