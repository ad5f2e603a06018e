internal import SyncCore

/// The rule of a POSIX TZ text: a standard time, and when daylight saving time begins and ends.
///
/// As POSIX.1-2017, 8.3 has it, with the hours of -167 to 167 that RFC 8536, 3.3.1 adds. A text
/// that names daylight saving time must say when it is.
struct PosixZone: Sendable, Equatable {
    struct Daylight: Sendable, Equatable {
        let offset: Int64
        let start: Moment
        let end: Moment
    }

    /// A moment of each year, by the clocks that it changes.
    struct Moment: Sendable, Equatable {
        enum Day: Sendable, Equatable {
            /// `Jn`: 1...365, 29 February is never counted.
            case julian(Int64)
            /// `n`: 0...365, 29 February is counted.
            case zeroBased(Int64)
            /// `Mm.w.d`: the week 5 is the last one; weekday 0 is Sunday.
            case weekday(month: Int64, week: Int64, weekday: Int64)
        }

        let day: Day
        /// Seconds from 00:00 of that day.
        let time: Int64

        /// Seconds of civil time from 1970-01-01 00:00:00.
        func civilSeconds(in year: Int64) -> Int64 {
            let newYear = CivilDate.daysSinceEpoch(year: year, month: 1, day: 1)
            let days: Int64
            switch day {
            case .zeroBased(let number): days = newYear + number
            case .julian(let number):
                let march = CivilDate.daysSinceEpoch(year: year, month: 3, day: 1)
                days = number < 60 ? newYear + number - 1 : march + number - 60
            case .weekday(let month, let week, let weekday):
                let first = CivilDate.daysSinceEpoch(year: year, month: month, day: 1)
                let next = CivilDate.daysSinceEpoch(
                    year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
                var found = first + (weekday - CronExpression.weekday(first) + 7) % 7
                found += (week - 1) * 7
                days = found < next ? found : found - 7
            }
            return days * 86_400 + time
        }
    }

    let standardOffset: Int64
    let daylight: Daylight?

    func offset(at instant: Int64) -> Int64 {
        guard let daylight else { return standardOffset }
        let last = changes(around: instant, daylight).last { $0.at <= instant }
        return last?.offset ?? standardOffset
    }

    /// The next instant at which the offset changes.
    func nextTransition(after instant: Int64) -> Int64? {
        guard let daylight else { return nil }
        let next = changes(around: instant, daylight).first {
            $0.at > instant && offset(at: $0.at) != offset(at: $0.at - 1)
        }
        return next?.at
    }

    /// The changes of the years about an instant, in their order.
    ///
    /// Where daylight saving time ends as it begins anew, it never ends: the beginning comes last.
    private func changes(
        around instant: Int64, _ daylight: Daylight
    ) -> [(at: Int64, offset: Int64)] {
        // Further away nothing is asked in earnest, and seconds would not fit their type.
        let near = min(max(instant, -1 << 60), 1 << 60)
        let year = CivilDate(daysSinceEpoch: near.floorDivided(by: 86_400)).year
        var changes: [(at: Int64, offset: Int64)] = []
        for year in (year - 2)...(year + 2) {
            let start = daylight.start.civilSeconds(in: year) - standardOffset
            let end = daylight.end.civilSeconds(in: year) - daylight.offset
            changes.append((end, standardOffset))
            changes.append((start, daylight.offset))
        }
        // Stable, so that of two at one instant the beginning stays last.
        return changes.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
    }
}

extension PosixZone {
    /// - Returns: nil for a text that isn't one.
    init?(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard reader.name(), let west = reader.time(hours: 24) else { return nil }
        standardOffset = -west
        guard !reader.isAtEnd else {
            daylight = nil
            return
        }
        guard reader.name() else { return nil }
        var offset = standardOffset + 3_600
        if !reader.isNext(",") {
            guard let west = reader.time(hours: 24) else { return nil }
            offset = -west
        }
        guard reader.take(","), let start = reader.moment(), reader.take(","),
            let end = reader.moment(), reader.isAtEnd
        else { return nil }
        daylight = Daylight(offset: offset, start: start, end: end)
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        func isNext(_ character: Unicode.Scalar) -> Bool {
            at < bytes.count && UInt32(bytes[at]) == character.value
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard isNext(character) else { return false }
            at += 1
            return true
        }

        /// `CET`, or `<+0330>`; at least three characters.
        mutating func name() -> Bool {
            let isQuoted = take("<")
            let start = at
            while at < bytes.count, Self.isPart(bytes[at], isQuoted: isQuoted) { at += 1 }
            guard at - start >= 3 else { return false }
            return !isQuoted || take(">")
        }

        private static func isPart(_ byte: UInt8, isQuoted: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
                true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
                isQuoted
            default: false
            }
        }

        mutating func number(_ range: ClosedRange<Int64>) -> Int64? {
            let start = at
            var number: Int64 = 0
            while at < bytes.count, at - start < 3,
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at])
            {
                number = number * 10 + Int64(bytes[at] - UInt8(ascii: "0"))
                at += 1
            }
            return at > start && range.contains(number) ? number : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(hours most: Int64) -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard var seconds = number(0...most).map({ $0 * 3_600 }) else { return nil }
            for unit: Int64 in [60, 1] {
                guard take(":") else { break }
                guard let part = number(0...59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        /// A day, and a time of it; 02:00 without one.
        mutating func moment() -> Moment? {
            guard let day = day() else { return nil }
            guard take("/") else { return Moment(day: day, time: 7_200) }
            return time(hours: 167).map { Moment(day: day, time: $0) }
        }

        private mutating func day() -> Moment.Day? {
            if take("J") { return number(1...365).map { .julian($0) } }
            guard take("M") else { return number(0...365).map { .zeroBased($0) } }
            guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                let weekday = number(0...6)
            else { return nil }
            return .weekday(month: month, week: week, weekday: weekday)
        }
    }
}
