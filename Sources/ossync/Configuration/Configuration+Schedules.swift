import SyncCore
import SyncEngine

extension Configuration.Schedule {
    /// Why a schedule can't be every so many milliseconds; nil when it can.
    static func refusal(everyMs ms: Int64) -> String? {
        let range: ClosedRange<Int64> = 60_000...Int64(ConfigurationKeys.maxMs)
        return range.contains(ms) && ms % 60_000 == 0
            ? nil : "must be whole minutes, from 1m to 31d"
    }

    /// The schedule as the plan takes it.
    ///
    /// - Throws: exit 2 where the time zone's file is gone since the configuration was read.
    func plan() throws -> SyncEngine.Schedule {
        SyncEngine.Schedule(
            name: name, timing: try planTiming(), jitterSeconds: jitterMs / 1_000,
            overlap: overlap, catchUp: catchUp)
    }

    private func planTiming() throws -> SyncEngine.Schedule.Timing {
        switch timing {
        case .every(let minutes): return .every(seconds: minutes * 60)
        case .cron(let text, let timeZone):
            do {
                return .cron(try CronExpression(text), try ZoneDirectory().rules(timeZone))
            } catch {
                throw CommandFailure(ExitCode.usage, "schedules.\(name): \(error)")
            }
        }
    }

    /// The times as five fields of cron, and their time zone; nil where five fields can't say them:
    /// an `every` that divides neither an hour nor a day.
    func cron() throws -> (expression: CronExpression, timeZone: String)? {
        let text: String
        switch timing {
        case .cron(let own, let timeZone): return (try CronExpression(own), timeZone)
        case .every(let minutes) where 60 % minutes == 0:
            text = minutes == 60 ? "0 * * * *" : "*/\(minutes) * * * *"
        case .every(let minutes) where 1_440 % minutes == 0 && minutes % 60 == 0:
            text = minutes == 1_440 ? "0 0 * * *" : "0 */\(minutes / 60) * * *"
        case .every: return nil
        }
        return (try CronExpression(text), "UTC")
    }

    /// How the configuration says when.
    var timingText: String {
        switch timing {
        case .every(let minutes): "every \(Self.span(minutes: minutes))"
        case .cron(let text, let timeZone): "\(text) in \(timeZone)"
        }
    }

    /// `15m`, `2h`, `1d`, as the configuration and systemd take it.
    static func span(minutes: Int64) -> String {
        if minutes % 1_440 == 0 { return "\(minutes / 1_440)d" }
        return minutes % 60 == 0 ? "\(minutes / 60)h" : "\(minutes)m"
    }
}
