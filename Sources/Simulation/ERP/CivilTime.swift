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
    var localDateTime: String {
        // As bytes: simulations write a few of these for each record.
        var text: [UInt8] = []
        text.reserveCapacity(25)
        text.append(contentsOf: date.utf8)
        text.append(UInt8(ascii: "T"))
        text.append(contentsOf: clock.utf8)
        text.append(contentsOf: "-03:00".utf8)
        return String(decoding: text, as: UTF8.self)
    }

    /// `10:20:30`, which is short enough for a string that needs no memory of its own.
    private var clock: String {
        String(unsafeUninitializedCapacity: 8) { buffer in
            for (index, part) in [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60]
                .enumerated()
            {
                buffer[3 * index] = UInt8(ascii: "0") + UInt8(part / 10)
                buffer[3 * index + 1] = UInt8(ascii: "0") + UInt8(part % 10)
                if index < 2 { buffer[3 * index + 2] = UInt8(ascii: ":") }
            }
            return 8
        }
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
        var rest = UInt64(self)
        var count = max(width, 1)
        var bound: UInt64 = 1
        for _ in 0..<count { bound = bound.multipliedReportingOverflow(by: 10).partialValue }
        while count < 19, rest >= bound {
            bound *= 10
            count += 1
        }
        guard rest < bound else { return String(self) }
        return String(unsafeUninitializedCapacity: count) { buffer in
            for index in (0..<count).reversed() {
                buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            return count
        }
    }
}
