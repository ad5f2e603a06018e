/// Everything that `ossync doctor` can find wrong, by the name that scripts read.
///
/// Each has a test of that name that makes it appear (`Tests/EndToEnd/test_doctor.py`), and another
/// fails for a case without one.
enum Trouble: String, CaseIterable {
    case configurationMissing = "configuration-missing"
    case configurationWrong = "configuration-wrong"
    case configurationExample = "configuration-example"

    case secretUnset = "secret-unset"
    case secretUnusable = "secret-unusable"
    case secretExposed = "secret-exposed"
    case secretShort = "secret-short"

    case limitsNone = "limits-none"
    case limitsLearned = "limits-learned"
    case limitsAnnounced = "limits-announced"
    case limitsShared = "limits-shared"

    case clockUnset = "clock-unset"
    case clockBehind = "clock-behind"
    case clockSkew = "clock-skew"
    case zonesMissing = "zones-missing"

    case diskFull = "disk-full"
    case diskLow = "disk-low"
    case diskUnknown = "disk-unknown"

    case storeUnusable = "store-unusable"
    case storeDamaged = "store-damaged"
    case storeNewer = "store-newer"
    case storeOlder = "store-older"
    case storeBackup = "store-backup"
    case storeOtherAPI = "store-other-api"
    case storeNetwork = "store-network"
    case storeUnreadable = "store-unreadable"
    case storeUnwritable = "store-unwritable"
    case storeOwners = "store-owners"
    case storeExposed = "store-exposed"
    case storeBusy = "store-busy"
    case archiveMissing = "archive-missing"
    case redactionUnfinished = "redaction-unfinished"
    case inboxLeftover = "inbox-leftover"
    case logsRotated = "logs-rotated"
    case metricsUnwritable = "metrics-unwritable"

    case scheduleMissing = "schedule-missing"
    case scheduleLeftover = "schedule-leftover"
    case scheduleProgram = "schedule-program"

    case alertsUnusable = "alerts-unusable"

    case apiRefused = "api-refused"
    case apiLimited = "api-limited"
    case apiWaiting = "api-waiting"
    case apiFailing = "api-failing"
    case apiRedirect = "api-redirect"
    case apiNotFound = "api-not-found"
    case apiNotAccepted = "api-not-accepted"
    case apiUnusable = "api-unusable"
    case apiSize = "api-size"
    case apiTotal = "api-total"
    case apiIDs = "api-ids"
    case apiUnknownHost = "api-unknown-host"
    case apiUnreachable = "api-unreachable"
    case apiUntrusted = "api-untrusted"
    case apiSilent = "api-silent"
    case apiBroken = "api-broken"
    case apiLibrary = "api-library"
    case apiUnasked = "api-unasked"

    /// What it is about: the word that stands before the findings on the terminal.
    var check: String {
        switch self {
        case .zonesMissing: "clock"
        default: String(rawValue.prefix { $0 != "-" })
        }
    }

    /// Whether a sync can go on with it.
    var level: Finding.Level {
        switch self {
        case .secretShort, .limitsNone, .limitsLearned, .limitsAnnounced, .limitsShared,
            .clockBehind, .clockSkew, .zonesMissing, .diskLow, .diskUnknown, .storeOwners,
            .storeExposed, .archiveMissing, .inboxLeftover, .logsRotated, .metricsUnwritable,
            .scheduleMissing, .scheduleLeftover, .scheduleProgram, .apiSize, .apiTotal:
            .warning
        default: .error
        }
    }

    /// What it means, for `--list`.
    var about: String {
        switch self {
        case .configurationMissing: "there is no configuration, or it names no API or stream"
        case .configurationWrong: "a key or value of the configuration can't be used"
        case .configurationExample: "api.baseURL is still the example that `init` wrote"
        case .secretUnset: "the environment variable of a secret is not set"
        case .secretUnusable: "a secret can't be read from its file, or can't be sent"
        case .secretExposed: "a secret is in a file that others can read"
        case .secretShort: "a secret is so short that it can't be kept out of the log"
        case .limitsNone: "no rate limit is configured"
        case .limitsLearned: "the API admitted less than is configured"
        case .limitsAnnounced: "the API announces a limit below the configured ones"
        case .limitsShared: "another store on this machine asks the same API"
        case .clockUnset: "the clock was never set"
        case .clockBehind: "the clock is behind the log's last event"
        case .clockSkew: "the clocks of this machine and of the API differ by a minute or more"
        case .zonesMissing: "there is no time zone database"
        case .diskFull: "too little free space to store an answer"
        case .diskLow: "too little free space for the configured concurrency"
        case .diskUnknown: "the free space can't be told"
        case .storeUnusable: "what is there is no store"
        case .storeDamaged: "the store is damaged"
        case .storeNewer: "the store is of a later version"
        case .storeOlder: "the store is of before the first release"
        case .storeBackup: "the store is a backup, which nothing may write to"
        case .storeOtherAPI: "the store belongs to another API"
        case .storeNetwork: "the store is on a network file system"
        case .storeUnreadable: "the store can't be read by this user"
        case .storeUnwritable: "a folder or file of the store can't be written by this user"
        case .storeOwners: "files of the store belong to somebody else"
        case .storeExposed: "others can read the store"
        case .storeBusy: "another process holds the store, so the API was not asked"
        case .archiveMissing: "events were moved to the archive and aren't there"
        case .redactionUnfinished: "a redaction was cut short: texts may still be in files"
        case .inboxLeftover: "the inbox holds what a killed command left"
        case .logsRotated: "something else rotates the store's log, too"
        case .metricsUnwritable: "the metrics can't be written where they are wanted"
        case .scheduleMissing: "a schedule of the configuration isn't installed"
        case .scheduleLeftover: "a schedule is installed that the configuration doesn't have"
        case .scheduleProgram: "the program that a schedule starts isn't there"
        case .alertsUnusable: "a channel of alerts can't be used"
        case .apiRefused: "the API refuses the credentials (401, 403)"
        case .apiLimited: "the API refuses because of its limit (429)"
        case .apiWaiting: "no request may be sent now: the limits or a cooldown forbid it"
        case .apiFailing: "the API fails (5xx)"
        case .apiRedirect: "the API redirects (3xx)"
        case .apiNotFound: "the API finds nothing at the path (404, 410)"
        case .apiNotAccepted: "the API doesn't accept the request (another 4xx)"
        case .apiUnusable: "the answer isn't what the configuration says"
        case .apiSize: "more records came than were asked for"
        case .apiTotal: "list.total finds nothing, and another place may hold the total"
        case .apiIDs: "list.id names records of a page by the same id"
        case .apiUnknownHost: "the name of the API's host isn't known"
        case .apiUnreachable: "no connection to the API"
        case .apiUntrusted: "TLS with the API fails"
        case .apiSilent: "the API doesn't answer in time"
        case .apiBroken: "the connection to the API breaks"
        case .apiLibrary: "libcurl can't be loaded"
        case .apiUnasked: "the API could not be asked for another reason"
        }
    }
}

/// One line of `ossync doctor`.
struct Finding {
    enum Level: String {
        case ok, warning, error

        var ink: Output.Ink {
            switch self {
            case .ok: .green
            case .warning: .yellow
            case .error: .red
            }
        }
    }

    let check: String
    let level: Level
    /// Nil where nothing is wrong.
    let trouble: Trouble?
    let text: String
    /// What mends it.
    let mend: String?
    /// The code that doctor ends with, if it is the first error.
    let exitCode: Int32

    /// A check that found nothing wrong.
    init(fine check: String, _ text: String) {
        self.check = check
        level = .ok
        trouble = nil
        self.text = text
        mend = nil
        exitCode = 0
    }

    /// - Parameter mend: nil where the text says it already.
    init(_ trouble: Trouble, _ text: String, mend: String?, exitCode: Int32 = ExitCode.failure) {
        check = trouble.check
        level = trouble.level
        self.trouble = trouble
        self.text = text
        self.mend = mend
        self.exitCode = exitCode
    }

    /// Both on one line.
    var line: String {
        ([text] + [mend].compactMap { $0 }).joined(separator: "; ").withoutControls
    }

    var json: JSONText {
        .object([
            ("v", .number(1)), ("type", "finding"), ("check", .string(check)),
            ("level", .string(level.rawValue)), ("finding", .optional(trouble?.rawValue)),
            ("message", .string(text.withoutControls)),
            ("hint", .optional(mend?.withoutControls)),
        ])
    }
}
