import SyncCore
import SyncEngine

/// Turns checked values into the types of `Configuration`.
///
/// The key table guarantees every value that is asked for here; one that is missing is a mistake in
/// the table, never in a file, and a test builds every variant.
private struct Section {
    let value: ConfigurationValue

    private func found<T>(_ path: String, _ result: T?) -> T {
        guard let result else { preconditionFailure("the key table lacks \(path)") }
        return result
    }

    func text(_ path: String) -> String { found(path, value[path]?.text) }
    func optionalText(_ path: String) -> String? { value[path]?.text }
    func whole(_ path: String) -> Int { found(path, value[path]?.whole) }
    func ms(_ path: String) -> Int64 { Int64(whole(path)) }
    func number(_ path: String) -> Double { found(path, value[path]?.number) }
    func span(_ path: String) -> Int64 { found(path, TimeSpan(text(path))).ms }
    func flag(_ path: String) -> Bool { found(path, value[path]?.flag) }
    func secret(_ path: String) -> SecretReference { found(path, value[path]?.secret) }
    func optionalSpan(_ path: String) -> Int64? { optionalText(path).flatMap { TimeSpan($0) }?.ms }
    /// Millionths, of percent.
    func optionalPpm(_ path: String) -> UInt64? {
        value[path]?.number.map { UInt64(($0 * 10_000).rounded()) }
    }
    func optionalWord(_ path: String) -> Configuration.Header.Value? {
        guard let value = value[path], !value.isNull else { return nil }
        return value.secret.map { .secret($0) } ?? .text(value.text ?? "")
    }
    func word(_ path: String) -> Configuration.Header.Value { found(path, optionalWord(path)) }
    func texts(_ path: String) -> [String] { value[path]?.items.compactMap(\.text) ?? [] }
    func choice<T: RawRepresentable<String>>(_ path: String, _: T.Type) -> T {
        found(path, T(rawValue: text(path)))
    }

    func headers(_ path: String) -> [Configuration.Header] {
        (value[path]?.fields ?? []).map { field in
            let value = field.value.secret.map(Configuration.Header.Value.secret)
            return Configuration.Header(
                name: field.name, value: value ?? .text(field.value.text ?? ""))
        }
    }
    func sub(_ path: String) -> Section? {
        guard let sub = value[path], !sub.isNull else { return nil }
        return Section(value: sub)
    }
    func named(_ path: String) -> [(name: String, section: Section)] {
        value[path]?.fields.map { ($0.name, Section(value: $0.value)) } ?? []
    }
}

extension Configuration {
    /// Builds from values in which no problem was found; `store` and `metricsTextfile` are resolved
    /// paths.
    init(
        values: ConfigurationValue, store: String, metricsTextfile: String?, files: [String]
    ) {
        let root = Section(value: values)
        self.store = store
        self.metricsTextfile = metricsTextfile
        self.files = files
        self.values = values
        rateLimits = RateLimits(root)
        api = root.sub("api").map(API.init)
        streams = root.named("streams").map { Stream($0.name, $0.section) }
        schedules = root.named("schedules").map { Schedule($0.name, $0.section) }
        alerts = Alerts(root)
        report = Report(
            amount: root.text("report.amount"), date: root.optionalText("report.date"))
        log = Log(
            format: root.choice("log.format", LogLine.Format.self),
            rotation: LogFile.Rotation(
                maxBytes: root.whole("log.maxBytes"), keep: root.whole("log.keep")))
    }
}

extension Configuration.RateLimits {
    fileprivate init(_ root: Section) {
        requestsPerMinute = root.value["rateLimits.requestsPerMinute"]?.whole
        requestsPerHour = root.value["rateLimits.requestsPerHour"]?.whole
        windows = (root.value["rateLimits.windows"]?.items ?? []).map {
            let window = Section(value: $0)
            return Configuration.Window(
                name: window.text("name"), requests: window.whole("requests"),
                seconds: window.ms("seconds"))
        }
        backoffMultiplier = root.number("rateLimits.backoffMultiplier")
        cooldownMs = root.ms("rateLimits.cooldownMs")
        deliveryBoundMs = root.ms("rateLimits.deliveryBoundMs")
    }
}

extension Configuration.API {
    fileprivate init(_ api: Section) {
        // One spelling, because a store is bound to it unless api.id says otherwise.
        let written = api.text("baseURL")
        let url = String(written.reversed().drop { $0 == "/" }.reversed())
        baseURL = url
        id = api.optionalText("id") ?? url
        auth =
            switch api.text("auth.type") {
            case "bearer": .bearer(token: api.secret("auth.token"))
            case "apiKey": .apiKey(header: api.text("auth.header"), key: api.secret("auth.key"))
            case "basic":
                .basic(user: api.text("auth.user"), password: api.secret("auth.password"))
            default: .none
            }
        headers = api.headers("headers")
        timeouts = Configuration.Timeouts(
            connectMs: api.ms("timeouts.connectMs"), idleMs: api.ms("timeouts.idleMs"),
            totalMs: api.ms("timeouts.totalMs"))
        maxBodyBytes = api.whole("maxBodyBytes")
        allowPlainHTTP = api.flag("allowPlainHTTP")
        userAgent = api.optionalText("userAgent")
        healthPath = api.optionalText("health.path")
    }
}

extension Configuration.Stream {
    fileprivate init(_ name: String, _ stream: Section) {
        self.name = name
        let list = Configuration.List(stream)
        self.list = list
        detail = stream.sub("detail").map { Configuration.Detail($0, listID: list.id) }
        columns = stream.named("columns").map { Configuration.Column($0.name, $0.section) }
        retry = Configuration.Retry(
            attempts: stream.whole("retry.attempts"), baseMs: stream.ms("retry.baseMs"),
            multiplier: stream.number("retry.multiplier"), maxMs: stream.ms("retry.maxMs"))
    }
}

extension Configuration.List {
    fileprivate init(_ stream: Section) {
        path = stream.text("list.path")
        let walk: Configuration.Paging.Walk =
            switch stream.text("list.paging.type") {
            case "offset": .offset(param: stream.text("list.paging.offsetParam"))
            case "idAfter": .idAfter(param: stream.text("list.paging.param"))
            default:
                .page(
                    param: stream.text("list.paging.pageParam"),
                    first: stream.whole("list.paging.first"))
            }
        paging = Configuration.Paging(
            walk: walk, sizeParam: stream.optionalText("list.paging.sizeParam"),
            size: stream.whole("list.paging.size"))
        records = stream.text("list.records")
        id = stream.text("list.id")
        total = stream.optionalText("list.total")
        order = stream.choice("list.order", Order.self)
        incremental =
            stream.text("list.incremental.type") == "idAfter"
            ? .idAfter(param: stream.text("list.incremental.param")) : .none
        idOrder = stream.optionalText("list.idOrder").flatMap(IDOrder.init)
        ignore = stream.texts("list.ignore")
    }
}

extension Configuration.Detail {
    fileprivate init(_ detail: Section, listID: String) {
        let path = detail.text("path")
        self.path = path
        batchSize = detail.whole("batch.size")
        batchJoin = detail.text("batch.join")
        records = detail.text("records")
        id = detail.optionalText("id") ?? listID
        concurrency = detail.whole("concurrency")
        single =
            detail.value["single"]?.flag
            ?? (ConfigurationChecks.placeholders(in: path) == ["id"])
        ignore = detail.texts("ignore")
    }
}

extension Configuration.Column {
    fileprivate init(_ name: String, _ column: Section) {
        self.name = name
        let kind: Kind
        if let pointer = column.optionalText("sum") {
            (source, kind) = (.sum(pointer), .decimal)
        } else if let pointer = column.optionalText("count") {
            (source, kind) = (.count(pointer), .integer)
        } else {
            (source, kind) = (.pointer(column.text("pointer")), .text)
        }
        type = column.optionalText("type").flatMap(Kind.init) ?? kind
        from = column.optionalText("from").flatMap(Document.init)
    }
}

extension Configuration.Schedule {
    fileprivate init(_ name: String, _ schedule: Section) {
        self.name = name
        timing =
            schedule.optionalText("cron").map {
                .cron($0, timeZone: schedule.text("timeZone"))
            } ?? .every(minutes: schedule.span("every") / 60_000)
        mode = schedule.choice("mode", SyncCommand.Mode.self)
        jitterMs = schedule.span("jitter")
        overlap = schedule.choice("overlap", SyncEngine.Schedule.Overlap.self)
        catchUp = schedule.flag("catchUp")
        maxDuration = schedule.optionalText("maxDuration")
        patience = schedule.text("patience")
    }
}

extension Configuration.Alerts {
    fileprivate init(_ root: Section) {
        rules = AlertRules(root)
        channels = root.named("alerts.channels").map { Configuration.Channel($0.name, $0.section) }
        ping = root.sub("alerts.ping").map(Configuration.Ping.init)
    }
}

extension AlertRules {
    fileprivate init(_ root: Section) {
        self.init()
        let key = { (name: String) in "alerts.rules.\(name)" }
        failed = root.flag(key("failed"))
        partial = root.flag(key("partial"))
        parkedMs = root.optionalSpan(key("parkedFor"))
        noSuccessMs = root.optionalSpan(key("noSuccessFor"))
        rateLimitedPpm = root.optionalPpm(key("rateLimitedPercent"))
        expensesMovedPpm = root.optionalPpm(key("expensesMovedPercent"))
        let remind = root.span("alerts.remindEvery")
        remindMs = remind > 0 ? remind : nil
        channels = root.named("alerts.channels").map { channel in
            Channel(
                name: channel.name,
                rules: channel.section.texts("on").compactMap { name in
                    AlertRule.allCases.first { $0.name == name }
                }, tellsRecovery: channel.section.flag("recovery"))
        }
    }
}

extension Configuration.Channel {
    fileprivate init(_ name: String, _ channel: Section) {
        self.name = name
        way =
            channel.sub("webhook").map { .webhook(Configuration.Webhook($0)) }
            ?? channel.optionalText("file").map { .file($0) } ?? .command(channel.texts("command"))
        timeoutMs = channel.span("timeout")
        attempts = channel.whole("attempts")
    }
}

extension Configuration.Webhook {
    fileprivate init(_ webhook: Section) {
        url = webhook.word("url")
        secret = webhook.value["secret"]?.secret
        headers = webhook.headers("headers")
        allowPlainHTTP = webhook.flag("allowPlainHTTP")
    }
}

extension Configuration.Ping {
    fileprivate init(_ ping: Section) {
        url = ping.word("url")
        failURL = ping.optionalWord("failURL")
        timeoutMs = ping.span("timeout")
        attempts = ping.whole("attempts")
        allowPlainHTTP = ping.flag("allowPlainHTTP")
    }
}
