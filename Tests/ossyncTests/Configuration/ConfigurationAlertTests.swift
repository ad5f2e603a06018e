import SyncCore
import Testing

@testable import ossync

@Suite struct ConfigurationAlertTests {
    @Test func alertsAreReadWithTheirDefaults() throws {
        let folder = ConfigurationFolder()
        try folder.write(
            """
            alerts:
              rules: { noSuccessFor: 2h, expensesMovedPercent: 12.5 }
              channels:
                pager: { command: [page, ""], on: [failed, parked], attempts: 1 }
                ops:
                  webhook: { url: "https://a.b/c?d=e", headers: { X-Team: billing } }
                  recovery: false
              ping: { url: { env: WATCHDOG } }
            """)
        let alerts = try folder.load().alerts
        var rules = AlertRules()
        rules.failed = true
        rules.partial = true
        rules.noSuccessMs = 7_200_000
        rules.expensesMovedPpm = 125_000
        rules.remindMs = 86_400_000
        rules.channels = [
            AlertRules.Channel(name: "pager", rules: [.failed, .parked]),
            AlertRules.Channel(name: "ops", tellsRecovery: false),
        ]
        #expect(alerts.rules == rules)
        #expect(
            alerts.channels == [
                Configuration.Channel(
                    name: "pager", way: .command(["page", ""]), timeoutMs: 10_000, attempts: 1),
                Configuration.Channel(
                    name: "ops",
                    way: .webhook(
                        Configuration.Webhook(
                            url: .text("https://a.b/c?d=e"), secret: nil,
                            headers: [
                                Configuration.Header(name: "X-Team", value: .text("billing"))
                            ], allowPlainHTTP: false)), timeoutMs: 10_000, attempts: 3),
            ])
        #expect(alerts.ping?.failURL == nil)
        try folder.write("alerts:\n")
        #expect(try folder.load().alerts.channels == [])
    }

    @Test func aFileStartsAtTheConfigurationThatNamesIt() throws {
        let folder = ConfigurationFolder()
        try folder.write("alerts:\n  channels:\n    journal: { file: told.jsonl }\n")
        guard case .file(let path)? = try folder.load().alerts.channels.first?.way else {
            Issue.record("no file")
            return
        }
        #expect(path.hasPrefix("/") && path.hasSuffix("/told.jsonl"))
    }

    static let bad: [BadFile] = [
        BadFile(
            "an unknown key", "alerts:\n  chanels: {}\n",
            "ossync.yaml:2: unknown key \"chanels\" in alerts; did you mean \"channels\"?"),
        BadFile(
            "two ways", "alerts:\n  channels:\n    a: { file: x, command: [y] }\n",
            "ossync.yaml:3: alerts.channels.a has command and file; keep one; a second channel can "
                + "have the other"),
        BadFile(
            "no way", "alerts:\n  channels:\n    a: {}\n",
            "ossync.yaml:3: alerts.channels.a needs command, webhook or file"),
        BadFile(
            "nobody", "alerts:\n  rules:\n    failed: true\n",
            "ossync.yaml:3: alerts.rules has nobody to tell; add a channel to alerts.channels"),
        BadFile(
            "another host in the open",
            "alerts:\n  channels:\n    a:\n      webhook: { url: \"http://a.b/\" }\n",
            "ossync.yaml:4: alerts.channels.a.webhook.url is http:// to another host, where "
                + "everybody can read it; use https://, or set allowPlainHTTP: true if the network "
                + "is trusted"),
        BadFile(
            "too long", "alerts:\n  channels:\n    a: { file: x, timeout: 6m }\n",
            "ossync.yaml:3: alerts.channels.a.timeout must be from 1s to 5m"),
    ]

    @Test(arguments: bad) func aBadFileIsRefusedWithItsLines(_ file: BadFile) throws {
        #expect(try problems(of: file.yaml) == file.messages)
    }
}
