import SyncCore
import Testing

@testable import ossync

@Suite struct ConfigurationLoaderTests {
    private func origins(_ configuration: Configuration) -> [String: String] {
        Dictionary(
            configuration.describe().map { ($0.key, $0.origin.description) },
            uniquingKeysWith: { first, _ in first })
    }

    @Test func aFlagWinsOverTheEnvironmentTheFileTheUserFileAndTheDefault() throws {
        let folder = ConfigurationFolder()
        try folder.write("store: a\nrateLimits:\n  requestsPerMinute: 3\n  cooldownMs: 4\n")
        try folder.write(
            "store: u\nrateLimits:\n  requestsPerMinute: 5\n  deliveryBoundMs: 6\n",
            to: "xdg/ossync/ossync.yaml")
        let xdg = "\(folder.path)/xdg"
        let environment = [
            "XDG_CONFIG_HOME": xdg, "OSSYNC_STORE": "e", "OSSYNC_REQUESTS_PER_MINUTE": "2",
            "OSSYNC_REQUESTS_PER_HOUR": "",
        ]
        let flag = ConfigurationOverride(
            key: "rateLimits.requestsPerMinute", flag: "--requests-per-minute", text: "1")
        let configuration = try folder.load(environment: environment, overrides: [flag])
        #expect(configuration.rateLimits.requestsPerMinute == 1)
        #expect(configuration.rateLimits.cooldownMs == 4)
        #expect(configuration.rateLimits.deliveryBoundMs == 6)
        #expect(configuration.store == "\(folder.path)/e")
        let origins = origins(configuration)
        #expect(origins["rateLimits.requestsPerMinute"] == "flag --requests-per-minute")
        #expect(origins["store"] == "env OSSYNC_STORE")
        #expect(origins["rateLimits.cooldownMs"] == "file ossync.yaml:4")
        #expect(
            origins["rateLimits.deliveryBoundMs"] == "file \(xdg)/ossync/ossync.yaml:4")
        #expect(origins["rateLimits.requestsPerHour"] == "default")
        #expect(configuration.files == ["ossync.yaml", "\(xdg)/ossync/ossync.yaml"])
    }

    @Test func aBadVariableOrFlagIsNamed() throws {
        #expect(
            try problems(of: "", environment: ["OSSYNC_REQUESTS_PER_HOUR": "lots"]) == [
                "OSSYNC_REQUESTS_PER_HOUR: rateLimits.requestsPerHour must be a whole number, "
                    + "not \"lots\""
            ])
        let folder = ConfigurationFolder()
        let flag = ConfigurationOverride(key: "store", flag: "--store", text: "")
        let error = #expect(throws: ConfigurationError.self) {
            try folder.load(overrides: [flag])
        }
        #expect(error?.description == "--store: store must be text, not null")
    }

    @Test func aVariableCanSwitchALimitOffAndNameTheAPI() throws {
        let folder = ConfigurationFolder()
        let configuration = try folder.load(environment: [
            "OSSYNC_REQUESTS_PER_HOUR": "null", "OSSYNC_BASE_URL": "https://a.b/c",
        ])
        #expect(configuration.rateLimits.requestsPerHour == nil)
        #expect(try configuration.requireAPI().baseURL == "https://a.b/c")
    }

    @Test func aRelativeStoreStartsAtTheFileThatNamesIt() throws {
        let folder = ConfigurationFolder()
        try folder.write("store: ./data/../s\n", to: "sub/erp.yaml")
        try folder.write("rateLimits: {}\n", to: "sub/plain.yaml")
        let named = try folder.load(configFile: "sub/erp.yaml")
        #expect(named.store == "\(folder.path)/sub/data/../s")
        #expect(origins(named)["store"] == "file sub/erp.yaml:1")
        let byVariable = try folder.load(
            environment: ["OSSYNC_CONFIG": "\(folder.path)/sub/plain.yaml"])
        #expect(byVariable.store == "\(folder.path)/sub/ossync-store")
        #expect(try folder.load().store == "\(folder.path)/ossync-store")
        let flag = ConfigurationOverride(key: "store", flag: "--store", text: "s")
        let byFlag = try folder.load(configFile: "sub/erp.yaml", overrides: [flag])
        #expect(byFlag.store == "\(folder.path)/s")
    }

    @Test func aTextfileIsFoundAsAStoreIs() throws {
        let folder = ConfigurationFolder()
        #expect(try folder.load().metricsTextfile == nil)
        try folder.write("metrics:\n  textfile: ./m/os.prom\n", to: "sub/erp.yaml")
        let named = try folder.load(configFile: "sub/erp.yaml")
        #expect(named.metricsTextfile == "\(folder.path)/sub/m/os.prom")
        let shown = named.describe().first { $0.key == "metrics.textfile" }
        #expect(shown?.text == named.metricsTextfile)
        let byVariable = try folder.load(
            environment: ["OSSYNC_METRICS_TEXTFILE": "os.prom"], configFile: "sub/erp.yaml")
        #expect(byVariable.metricsTextfile == "\(folder.path)/os.prom")
    }

    @Test func aLogIsOfWordsAndBoundedUnlessToldOtherwise() throws {
        let folder = ConfigurationFolder()
        let log = try folder.load().log
        #expect(log.format == .human)
        #expect(log.rotation == LogFile.Rotation(maxBytes: 10 << 20, keep: 5))
        try folder.write("log: { format: json, keep: 9 }\n")
        let other = try folder.load().log
        #expect(other.format == .json)
        #expect(other.rotation == LogFile.Rotation(maxBytes: 10 << 20, keep: 9))
        #expect(
            try problems(of: "log: { format: xml, maxBytes: 100, keep: 0 }\n") == [
                "ossync.yaml:1: log.format must be one of human, json, not \"xml\"",
                "ossync.yaml:1: log.maxBytes must be from 4096 to 1099511627776, not 100",
                "ossync.yaml:1: log.keep must be from 1 to 1000, not 0",
            ])
    }

    @Test func aFileThatWasAskedForMustExist() throws {
        let folder = ConfigurationFolder()
        let error = #expect(throws: ConfigurationError.self) {
            try folder.load(configFile: "none.yaml")
        }
        #expect(
            error?.description
                == "none.yaml: can't be read: No such file or directory; it was named by --config")
    }

    @Test func streamsAreTakenWholeFromTheHigherFile() throws {
        let folder = ConfigurationFolder()
        try folder.write(smallConfiguration)
        try folder.write(
            """
            api: { baseURL: "https://other.example.com", maxBodyBytes: 7 }
            streams:
              invoices: { list: { path: /i, paging: page, id: /id } }
            """, to: ".config/ossync/ossync.yaml")
        let configuration = try folder.load(environment: ["HOME": folder.path])
        #expect(configuration.streams.map(\.name) == ["os"])
        let api = try configuration.requireAPI()
        #expect(api.baseURL == "https://erp.example.com/api" && api.maxBodyBytes == 7)
    }

    @Test func whatASectionLacksIsReportedWhereItIsWritten() throws {
        let yaml = "store: s\nrateLimits:\n  windows: [{ name: a }]\n"
        let messages = try problems(of: yaml, environment: ["OSSYNC_COOLDOWN_MS": "5"])
        #expect(messages.count == 2)
        #expect(messages.allSatisfy { $0.hasPrefix("ossync.yaml:3: ") })
    }

    @Test func thePolicyHoldsTheWindowsInTheirOrder() throws {
        let folder = ConfigurationFolder()
        try folder.write(
            smallConfiguration
                + "rateLimits: { requestsPerHour: null, windows: "
                + "[{ name: burst, requests: 5, seconds: 2 }], cooldownMs: 9 }\n")
        let configuration = try folder.load()
        let policy = try configuration.policy(stream: try configuration.stream())
        #expect(
            policy.limits.windows == [
                RateWindow(name: "minute", requests: 20, periodNs: 60_000_000_000),
                RateWindow(name: "burst", requests: 5, periodNs: 2_000_000_000),
            ])
        #expect(policy.limits.cooldownMs == 9 && policy.limits.deliveryBoundMs == 10_000)
        #expect(policy.paging == .page && policy.pageSize == 100 && policy.order == .unknown)
        #expect(policy.detail == DetailPolicy(batch: 5, concurrency: 5))
        #expect(policy.incremental == IncrementalKind.none && policy.idOrder == nil)
        #expect(policy.retry == RetryPolicy())
        #expect(
            policy.pinned.map(\.key) == [
                "api.baseURL", "list.path", "list.paging", "list.incremental", "list.records",
                "list.id", "list.order",
            ])
    }
}
