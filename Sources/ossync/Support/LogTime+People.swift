import SyncCore

extension LogTime {
    /// RFC 3339 without a fraction: what people are shown.
    var toTheSecond: String {
        let seconds = rawValue / .nsPerSecond - (rawValue % .nsPerSecond < 0 ? 1 : 0)
        let text = LogTime(nanoseconds: seconds * .nsPerSecond).rfc3339()
        return text.prefix { $0 != "." } + "Z"
    }
}
