internal import SyncCore

/// A moment as a calendar shows it: proleptic Gregorian, no leap seconds.
struct CivilTime {
    let year: Int64
    let month: Int64
    let day: Int64
    let secondOfDay: Int64
    /// 0 is Sunday.
    let weekday: Int

    /// From seconds since 1970-01-01T00:00:00, in whatever time zone they were counted.
    init(seconds: Int64) {
        var days = seconds / 86_400
        if seconds % 86_400 < 0 { days -= 1 }
        secondOfDay = seconds - days * 86_400
        weekday = Int(((days + 4) % 7 + 7) % 7)
        let date = CivilDate(daysSinceEpoch: days)
        (year, month, day) = (date.year, date.month, date.day)
    }

    var yearText: String { max(0, year).digits(atLeast: 4) }

    /// `2024-03-05`.
    var date: String { "\(yearText)-\(month.digits(atLeast: 2))-\(day.digits(atLeast: 2))" }

    /// A local time of São Paulo, which has kept -03:00 since 2019: `2024-03-05T10:20:30-03:00`.
    var localDateTime: String { "\(date)T\(clock)-03:00" }

    private var clock: String {
        let parts = [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60]
        return parts.map { $0.digits(atLeast: 2) }.joined(separator: ":")
    }

    /// As HTTP writes it (RFC 9110, IMF-fixdate): `Sun, 06 Nov 1994 08:49:37 GMT`.
    var httpDate: String {
        let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        return "\(weekdays[weekday]), \(day.digits(atLeast: 2)) \(months[Int(month) - 1]) \(year) "
            + "\(clock) GMT"
    }
}

extension BinaryInteger {
    /// The number in decimal, with leading zeros up to a width; it is not negative.
    func digits(atLeast width: Int) -> String {
        let digits = String(self)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
