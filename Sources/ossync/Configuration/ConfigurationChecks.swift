import SyncEngine

/// Finds values that are each right but contradict one another.
///
/// A value that was already refused is nil here, so that one mistake is reported once.
struct ConfigurationChecks {
    private(set) var problems: [ConfigurationProblem] = []
    let root: ConfigurationValue

    static func problems(of root: ConfigurationValue) -> [ConfigurationProblem] {
        var checks = ConfigurationChecks(root: root)
        checks.checkWindows()
        checks.checkAPI()
        for field in root["streams"]?.fields ?? [] {
            let path = "streams.\(field.name)"
            checks.checkList(field.value, path)
            checks.checkDetail(field.value, path)
            checks.checkColumns(field.value, path)
            checks.checkRetry(field.value, path)
        }
        for field in root["schedules"]?.fields ?? [] {
            checks.checkSchedule(field.value, "schedules.\(field.name)")
        }
        checks.checkAlerts()
        checks.checkReport()
        return checks.problems
    }

    private init(root: ConfigurationValue) {
        self.root = root
    }

    mutating func report(
        _ value: ConfigurationValue?, _ message: String, hint: String? = nil
    ) {
        let origin = value?.origin ?? root.origin
        problems.append(ConfigurationProblem(place: origin.place, message: message, hint: hint))
    }

    private mutating func checkWindows() {
        var seen: [String: ConfigurationOrigin] = [:]
        for (key, name) in [("requestsPerMinute", "minute"), ("requestsPerHour", "hour")] {
            guard let limit = root["rateLimits.\(key)"], limit.whole != nil else { continue }
            seen[name] = limit.origin
        }
        for (index, window) in (root["rateLimits.windows"]?.items ?? []).enumerated() {
            guard let name = window["name"], let text = name.text else { continue }
            if text == BudgetReport.cooldownKey {
                report(
                    name, "rateLimits.windows[\(index)].name \"\(text)\" can't be used",
                    hint: "`ossync status --json` shows the cooldown under it")
            }
            guard let first = seen.updateValue(name.origin, forKey: text) else { continue }
            let key = ["minute": "requestsPerMinute", "hour": "requestsPerHour"][text]
            let isOwn = index == 0 || !first.isFile
            report(
                name, "rateLimits.windows[\(index)].name \"\(text)\" is taken",
                hint: isOwn && key != nil
                    ? "it is the window of \(key ?? text)" : "the first is at \(first.place)")
        }
    }

    private mutating func checkAPI() {
        guard let api = root["api"] else { return }
        if api.isNull, let streams = root["streams"], !streams.fields.isEmpty {
            report(streams, "api.baseURL is missing", hint: "the streams need an API to read from")
        }
        if let url = api["baseURL"], let text = url.text, BaseURLText.isPlainHTTP(text),
            !BaseURLText.isLoopback(text), api["allowPlainHTTP"]?.flag == false
        {
            report(
                url, "api.baseURL is http:// to another host, so credentials travel in the open",
                hint: "use https://, or set api.allowPlainHTTP: true")
        }
        if let connect = api["timeouts.connectMs"]?.whole, let total = api["timeouts.totalMs"],
            let totalMs = total.whole, totalMs < connect
        {
            report(
                total, "api.timeouts.totalMs (\(totalMs)) is less than connectMs (\(connect))")
        }
    }

    private mutating func checkList(_ stream: ConfigurationValue, _ path: String) {
        guard let list = stream["list"] else { return }
        let paging = list["paging"]
        if let listPath = list["path"], listPath.text?.contains("{") == true {
            report(listPath, "\(path).list.path can't hold a placeholder ({...})")
        }
        if list["idOrder"]?.text == "none" {
            for key in ["paging", "incremental"] where list["\(key).type"]?.text == "idAfter" {
                report(
                    list["idOrder"], "\(path).list.idOrder is none, but \(key) is idAfter",
                    hint: "identities above another need an order: numeric or lexicographic")
            }
        }
        if paging?["type"]?.text == "idAfter", list["order"]?.text == "descending" {
            report(
                list["order"], "\(path).list.order is descending, but paging is idAfter",
                hint: "keyset paging needs an ascending list")
        }
        let size = paging?["sizeParam"]
        for key in ["pageParam", "offsetParam", "param"] {
            guard let text = size?.text, paging?[key]?.text == text else { continue }
            report(size, "\(path).list.paging.sizeParam is the same parameter as \(key): \(text)")
        }
    }

    private mutating func checkDetail(_ stream: ConfigurationValue, _ path: String) {
        guard let detail = stream["detail"], !detail.isNull else { return }
        let batch = detail["batch.size"]?.whole
        if let value = detail["path"], let text = value.text {
            let placeholders = Self.placeholders(in: text)
            let key = "\(path).detail.path"
            if let other = placeholders.first(where: { !["id", "ids"].contains($0) }) {
                report(
                    value, "\(key) has an unknown placeholder {\(other)}",
                    hint: "known: {id}, {ids}")
            } else if placeholders.isEmpty {
                report(value, "\(key) needs {id} or {ids}, where the identities go")
            } else if placeholders.count > 1 {
                report(value, "\(key) has more than one placeholder", hint: "keep {id} or {ids}")
            } else if placeholders == ["id"], let batch, batch > 1 {
                report(
                    value, "\(key) asks for one record ({id}), but batch.size is \(batch)",
                    hint: "use {ids}, or batch.size 1")
            }
        }
        if let single = detail["single"], single.flag == true, let batch, batch > 1 {
            report(
                single, "\(path).detail.single is true, but batch.size is \(batch)",
                hint: "an answer to several identities is an array")
        }
    }

    /// The names between braces, in order; an unclosed brace gives what follows it.
    static func placeholders(in path: String) -> [String] {
        path.split(separator: "{", omittingEmptySubsequences: false).dropFirst().map {
            String($0.prefix { $0 != "}" })
        }
    }

    private mutating func checkColumns(_ stream: ConfigurationValue, _ path: String) {
        let hasDetail = stream["detail"].map { !$0.isNull } ?? false
        for column in stream["columns"]?.fields ?? [] {
            let key = "\(path).columns.\(column.name)"
            let value = column.value
            let kinds = ["pointer", "sum", "count"]
            if value.fields.contains(where: { kinds.contains($0.name) && $0.value.isInvalid }) {
                continue
            }
            let given = kinds.filter { value[$0]?.text != nil }
            let type = value["type"]
            if given.count > 1 {
                report(value, "\(key) has \(given.joined(separator: " and "))", hint: "keep one")
            } else if type?.text == "decimal", given.isEmpty || given == ["count"] {
                report(type, "\(key) is a decimal, so it needs pointer or sum")
            } else if given.isEmpty {
                report(value, "\(key) needs one of pointer, sum and count")
            } else if given == ["sum"], let text = type?.text, text != "decimal" {
                report(type, "\(key) is a sum, so its type is decimal, not \(text)")
            } else if given == ["count"], let text = type?.text, text != "integer" {
                report(type, "\(key) is a count, so its type is integer, not \(text)")
            }
            if value["from"]?.text == "detail", !hasDetail {
                report(value["from"], "\(key) is from the detail, but \(path) has no detail")
            }
        }
    }

    /// Columns that are named must be there, and of a type that fits.
    private mutating func checkReport() {
        guard let stream = root["streams"]?.fields.first else { return }
        for (key, types) in [("amount", ["decimal"]), ("date", ["date", "timestamp", "text"])] {
            guard let value = root["report.\(key)"], let name = value.text,
                value.origin != .builtIn
            else { continue }
            let columns = stream.value["columns"]?.fields ?? []
            guard let column = columns.first(where: { $0.name == name })?.value else {
                let near = NearestKey.find(name, among: columns.map(\.name))
                report(
                    value, "report.\(key) is \"\(name)\", which is no column of \(stream.name)",
                    hint: near.map { "did you mean \"\($0)\"?" })
                continue
            }
            let type = Self.type(of: column)
            guard let type, !types.contains(type) else { continue }
            report(
                value, "report.\(key) is \"\(name)\", which is of type \(type)",
                hint: "it must be of type \(types.joined(separator: ", "))")
        }
    }

    /// The type of a column, by its own word or by what it is taken from; nil where that is wrong.
    private static func type(of column: ConfigurationValue) -> String? {
        if let type = column["type"], !type.isNull { return type.text }
        if column["sum"]?.text != nil { return "decimal" }
        return column["count"]?.text != nil ? "integer" : "text"
    }

    private mutating func checkSchedule(_ schedule: ConfigurationValue, _ path: String) {
        guard let every = schedule["every"], let cron = schedule["cron"], !every.isInvalid,
            !cron.isInvalid
        else { return }
        guard every.isNull != cron.isNull else {
            report(
                schedule,
                every.isNull ? "\(path) needs every or cron" : "\(path) has every and cron",
                hint: every.isNull ? "for example every: 15m" : "keep one")
            return
        }
        let span = every.text.flatMap { TimeSpan($0) }?.ms
        if let span, let refusal = Configuration.Schedule.refusal(everyMs: span) {
            report(every, "\(path).every \(refusal)")
        }
        if let zone = schedule["timeZone"], zone.origin != .builtIn, span != nil {
            report(
                zone, "\(path).timeZone is for cron: every counts from 1970-01-01T00:00Z",
                hint: "leave it out, or write the times as cron")
        }
        guard let jitter = schedule["jitter"], let jitterMs = jitter.text.flatMap({ TimeSpan($0) })
        else { return }
        if let span, jitterMs.ms >= span {
            report(jitter, "\(path).jitter is not less than every")
        } else if jitterMs.ms > ConfigurationKeys.maxMs {
            report(jitter, "\(path).jitter is more than 31d")
        } else if let text = cron.text, let zone = schedule["timeZone"]?.text,
            let shortest = Self.shortestPauseMs(cron: text, zone), jitterMs.ms >= shortest
        {
            report(
                jitter,
                "\(path).jitter is not less than the shortest time between two runs "
                    + "(\(TimeSpan.text(seconds: shortest / 1_000)))")
        }
    }

    /// 2024: with it begin a month, a week and a leap year.
    private static let firstDay: Int64 = 1_704_067_200
    private static let mostTimes = 500

    /// The least time between two of the next times; nil where they can't be told.
    private static func shortestPauseMs(cron: String, _ zone: String) -> Int64? {
        guard let expression = try? CronExpression(cron),
            let rules = try? ZoneDirectory().rules(zone)
        else { return nil }
        var (last, shortest): (Int64?, Int64?) = (nil, nil)
        for _ in 0..<mostTimes {
            guard let next = expression.next(after: last ?? firstDay, in: rules) else { break }
            if let last { shortest = min(shortest ?? .max, next - last) }
            last = next
        }
        return shortest.map { $0 * 1_000 }
    }

    private mutating func checkRetry(_ stream: ConfigurationValue, _ path: String) {
        guard let base = stream["retry.baseMs"], let max = stream["retry.maxMs"],
            let baseMs = base.whole, let maxMs = max.whole, maxMs < baseMs
        else { return }
        let written = max.origin == .builtIn ? base : max
        report(written, "\(path).retry.maxMs (\(maxMs)) is less than baseMs (\(baseMs))")
    }
}

extension ConfigurationValue {
    var isInvalid: Bool {
        if case .invalid = content { true } else { false }
    }
}
