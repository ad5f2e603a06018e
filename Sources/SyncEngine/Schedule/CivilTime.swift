package import SyncCore

/// What a calendar and a clock on the wall show: a date and a time of the day, in no time zone.
package struct CivilTime: Hashable, Comparable, Sendable {
    /// Seconds from 1970-01-01 00:00:00 by the same clock.
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// - Parameters:
    ///   - month: 1...12, `day` 1...31; a day beyond the month's last one is counted on.
    ///   - hour: 0...23, `minute` and `second` 0...59.
    package init(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64 = 0, _ minute: Int64 = 0,
        _ second: Int64 = 0
    ) {
        let days = CivilDate.daysSinceEpoch(year: year, month: month, day: day)
        seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    package var date: CivilDate { CivilDate(daysSinceEpoch: seconds.floorDivided(by: 86_400)) }

    /// 0..<86,400.
    package var secondOfDay: Int64 { seconds - seconds.floorDivided(by: 86_400) * 86_400 }

    package static func < (left: CivilTime, right: CivilTime) -> Bool {
        left.seconds < right.seconds
    }
}
