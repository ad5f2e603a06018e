import Glibc
import SyncCore

extension LogTime {
    /// RFC 3339 without a fraction: what people are shown.
    var toTheSecond: String {
        let seconds = rawValue / .nsPerSecond - (rawValue % .nsPerSecond < 0 ? 1 : 0)
        let text = LogTime(nanoseconds: seconds * .nsPerSecond).rfc3339()
        return text.prefix { $0 != "." } + "Z"
    }

    /// The same by clocks that are `offset` seconds east of UTC: `2018-11-04T01:00:00-02:00`.
    func toTheSecond(offset: Int64) -> String {
        let local = adding(ns: offset * .nsPerSecond).toTheSecond.dropLast()
        let minutes = abs(offset) / 60
        let digits = { (value: Int64) in (value < 10 ? "0" : "") + String(value) }
        return "\(local)\(offset < 0 ? "-" : "+")\(digits(minutes / 60)):\(digits(minutes % 60))"
    }

    /// The time of the day in UTC, for example `18:42Z`.
    var clockUTC: String { "\(toTheSecond.dropFirst(11).prefix(5))Z" }

    /// The time of the day here, for example `18:42`.
    var localClock: String {
        var seconds = time_t(rawValue / .nsPerSecond)
        var local = tm()
        localtime_r(&seconds, &local)
        let digits = { (value: Int32) in (value < 10 ? "0" : "") + String(value) }
        return "\(digits(local.tm_hour)):\(digits(local.tm_min))"
    }
}
