import ReadModels
import SyncCore

/// What to set one limit to, and why.
struct RateSuggestion {
    /// The key of the configuration; nil where the limit isn't configured.
    let key: String?
    /// Nil where nothing needs to be changed.
    let value: UInt64?
    /// The whole sentence.
    let words: String

    init(_ fold: RateFold, _ part: RateWindowFold, isConfigured: Bool) {
        let window = part.window
        key = isConfigured ? Self.key(window) : nil
        let total = fold.total
        let limit = UInt64(max(window.requests, 0))
        let refusals =
            "the API refused \(total.refused.grouped) of \(total.requests.grouped) "
            + (total.requests == 1 ? "request" : "requests")
        let advice = fold.advice(part)
        guard isConfigured else {
            value = nil
            words = Self.unconfigured(window, part, refusals, total.refused, advice)
            return
        }
        let kept = "the configured limit of \(limit.grouped) is kept"
        switch advice {
        case .set(let requests, let lesson):
            value = requests
            words =
                "\(refusals), at up to \(Self.rate(part.peak.requests, window)); it admits "
                + "\(Self.rate(lesson.requests, window)) (learned @\(lesson.position.rawValue)), "
                + "and accepted "
                + (requests > lesson.requests ? requests.grouped : "no more")
                // What came between the lesson and this time was not looked at.
                + (part.lessons > 0 ? " since" : " in this time")
                + ": set \(Self.text(window, requests))"
            return
        case .nothingAsked: words = "no request in this time: there is nothing to learn from"
        case .noRefusal:
            words =
                "no refusal in \(total.requests.grouped) requests, at up to "
                + "\(Self.rate(part.peak.requests, window)): \(kept)"
        case .otherWindow: words = "\(refusals), which another window explains: \(kept)"
        case .unexplained:
            words =
                "\(refusals), which no window explains; does somebody else use the same key? "
                + "Until that is known, \(kept)"
        case .suspected:
            words =
                "\(refusals); one was taken for this window's, which is not sure yet: until it is, "
                + kept
        case .acceptedSince(let since):
            words =
                since >= limit
                ? "\(refusals), but since the last of this window's it accepted "
                    + "\(Self.rate(since, window)): \(kept)"
                : "\(refusals), and what it admitted is not less than "
                    + "\(Self.rate(limit, window)): \(kept)"
        }
        value = nil
    }

    private static func unconfigured(
        _ window: RateWindow, _ part: RateWindowFold, _ refusals: String, _ refused: UInt64,
        _ advice: RateAdvice
    ) -> String {
        if advice == .nothingAsked { return "no request in this time" }
        guard refused > 0 else {
            return
                "no refusal at up to \(rate(part.peak.requests, window)), without a limit: nothing "
                + "to change"
        }
        let found = "\(refusals), at up to \(rate(part.peak.requests, window)) and without a limit"
        if let lesson = part.lesson {
            return "\(found); under one it admitted \(rate(lesson.requests, window)) (learned "
                + "@\(lesson.position.rawValue)): set rateLimits to no more"
        }
        return "\(found), so nothing was learned: set rateLimits to what the API's operator states"
    }

    /// `14 a minute`, `8 in 2 s`.
    private static func rate(_ requests: UInt64, _ window: RateWindow) -> String {
        switch window.periodNs / .nsPerSecond {
        case 60: "\(requests.grouped) a minute"
        case 3_600: "\(requests.grouped) an hour"
        case let seconds: "\(requests.grouped) in \(TimeSpan.text(seconds: seconds))"
        }
    }

    private static func key(_ window: RateWindow) -> String {
        switch window.name {
        case "minute": "rateLimits.requestsPerMinute"
        case "hour": "rateLimits.requestsPerHour"
        default: "rateLimits.windows"
        }
    }

    /// As it is written in the configuration.
    private static func text(_ window: RateWindow, _ requests: UInt64) -> String {
        switch window.name {
        case "minute": "requestsPerMinute: \(requests)"
        case "hour": "requestsPerHour: \(requests)"
        default: "requests: \(requests) of the window \(window.name.withoutControls)"
        }
    }
}
