// RFC 3339 text of a moment, by integer arithmetic alone: Foundation would cost every start of the
// program more than all the times it prints.

extension LogTime {
    /// The moment in UTC, for example `2026-11-24T01:02:03.123456789Z`.
    ///
    /// - Parameter fractionDigits: how many digits of the second at the least, 0...9; more are
    ///   written, in steps of three, where the moment has them.
    package func rfc3339(fractionDigits: Int = 3) -> String {
        let seconds = rawValue.floorDivided(by: .nsPerSecond)
        // Wrapping: for the earliest moments the whole second lies outside the type, the rest in
        // it.
        var fraction = rawValue &- seconds &* .nsPerSecond
        let days = seconds.floorDivided(by: 86_400)
        let second = seconds - days * 86_400
        let date = CivilDate(daysSinceEpoch: days)
        var text: [UInt8] = []
        text.reserveCapacity(30)
        text.append(decimal: date.year, digits: 4)
        text.append(UInt8(ascii: "-"))
        text.append(decimal: date.month, digits: 2)
        text.append(UInt8(ascii: "-"))
        text.append(decimal: date.day, digits: 2)
        text.append(UInt8(ascii: "T"))
        text.append(decimal: second / 3_600, digits: 2)
        text.append(UInt8(ascii: ":"))
        text.append(decimal: second / 60 % 60, digits: 2)
        text.append(UInt8(ascii: ":"))
        text.append(decimal: second % 60, digits: 2)
        var digits = 9
        while digits - 3 >= fractionDigits, digits > 0, fraction % 1_000 == 0 {
            fraction /= 1_000
            digits -= 3
        }
        if digits > 0 {
            text.append(UInt8(ascii: "."))
            text.append(decimal: fraction, digits: digits)
        }
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a moment as RFC 3339 writes it, for example `2026-11-24T01:02:03.5+02:00`.
    ///
    /// A space may stand for the `T`; digits beyond the nanosecond are cut off; a leap second is
    /// the first moment of the next minute.
    ///
    /// - Returns: nil for anything else, and for moments before 1677 or after 2262.
    package init?(rfc3339 text: String) {
        var parser = TimeTextParser(bytes: Array(text.utf8))
        guard let nanoseconds = parser.moment() else { return nil }
        self.init(nanoseconds: nanoseconds)
    }
}

/// A day of the proleptic Gregorian calendar.
///
/// By Howard Hinnant's `chrono`-compatible algorithms: years begin in March, so that the leap day
/// is a year's last one, and 400 years are 146,097 days.
package struct CivilDate: Sendable, Equatable {
    package let year: Int64
    /// 1...12.
    package let month: Int64
    /// 1...31.
    package let day: Int64

    package init(daysSinceEpoch: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// A date from its parts; nil when there is no such day. Years 0...9999.
    package init?(year: Int64, month: Int64, day: Int64) {
        guard (0...9_999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[Int(month) - 1] else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    package var daysSinceEpoch: Int64 {
        Self.daysSinceEpoch(year: year, month: month, day: day)
    }

    /// Days from 1970-01-01; a day beyond the month's last one is counted on into the next month.
    package static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.floorDivided(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

private struct TimeTextParser {
    let bytes: [UInt8]
    var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func moment() -> Int64? {
        guard let year = number(digits: 4), take("-"), let month = number(digits: 2), take("-"),
            let day = number(digits: 2), take("T") || take("t") || take(" "),
            let hour = number(digits: 2), take(":"), let minute = number(digits: 2), take(":"),
            let second = number(digits: 2), let fraction = fraction(),
            let offsetMinutes = offset(), index == bytes.count,
            let date = CivilDate(year: year, month: month, day: day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        let clock = hour * 3_600 + (minute - offsetMinutes) * 60 + second
        let seconds = date.daysSinceEpoch * 86_400 + clock
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: .nsPerSecond)
        if !overflow {
            let (sum, overflow) = whole.addingReportingOverflow(fraction)
            return overflow ? nil : sum
        }
        // The first second that the type can hold begins before its first nanosecond.
        guard seconds < 0, fraction > 0 else { return nil }
        let (next, nextOverflow) = (seconds + 1).multipliedReportingOverflow(by: .nsPerSecond)
        guard !nextOverflow else { return nil }
        let (sum, sumOverflow) = next.addingReportingOverflow(fraction - .nsPerSecond)
        return sumOverflow ? nil : sum
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func digit() -> Int64? {
        guard index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
        else { return nil }
        defer { index += 1 }
        return Int64(bytes[index] - UInt8(ascii: "0"))
    }

    private mutating func number(digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// The nanoseconds after the dot; 0 without one.
    private mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var (value, unit): (Int64, Int64) = (0, 100_000_000)
        guard let first = digit() else { return nil }
        value = first * unit
        while let digit = digit() {
            unit /= 10
            value += digit * unit
        }
        return value
    }

    /// Minutes east of UTC.
    private mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(digits: 2), take(":"),
            let minutes = number(digits: 2), hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (isEast ? 1 : -1)
    }
}

extension Int64 {
    /// The quotient, rounded down; `divisor` is positive.
    package func floorDivided(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension [UInt8] {
    /// The number in decimal, with leading zeros; `value` is not negative.
    fileprivate mutating func append(decimal value: Int64, digits: Int) {
        var unit: Int64 = 1
        for _ in 1..<digits { unit *= 10 }
        while unit > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / unit % 10))
            unit /= 10
        }
    }
}
