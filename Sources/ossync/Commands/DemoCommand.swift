import ArgumentParser
import Glibc
import Simulation
import SyncCore

/// `ossync demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a simulated ERP on this machine and sync from it: needs nothing else.",
        discussion: """
            Makes service orders with customers, statuses and expense lines, serves them over \
            HTTP on loopback under rate limits, syncs them all, then once more to find nothing \
            new.

            Example: ossync demo --records 2000
            """)

    @Option(parsing: .unconditional, help: "How many service orders there are.")
    var records = 10_000

    @Flag(help: "The limits of a real API: 20 requests a minute, 600 an hour. Takes hours.")
    var realistic = false

    @Flag(help: "Only serve, for trying a configuration; until interrupted.")
    var serveOnly = false

    @Option(help: "The port; 0 takes a free one.")
    var port: UInt16 = 0

    @Option(
        help: ArgumentHelp(
            "A limit of the server, requests/seconds; may be repeated, 'none' for no limit.",
            valueName: "n/s"))
    var limit: [String] = []

    @Flag(help: "The server counts in fixed windows instead of sliding ones.")
    var fixedWindows = false

    @Option(
        parsing: .unconditional,
        help: "How long the server thinks about a request, in milliseconds.")
    var latencyMs: Int64 = 2

    @Option(help: "The share of requests that end in 500, for example 0.01.")
    var faultRate = 0.0

    @Option(help: "Records whose details always fail.")
    var poison: [Int64] = []

    @Option(help: "Records that details are missing for.")
    var missing: [Int64] = []

    @Option(help: "The token that the server asks for.")
    var token: String?

    @Flag(help: "The list does not tell how many records there are.")
    var noTotal = false

    @Option(help: "The seed that all data comes from.")
    var seed: UInt64 = 1

    @Option(
        help: "The folder for the demo's configuration and store; a temporary one if absent.",
        completion: .directory)
    var folder: String?

    @OptionGroup var global: GlobalOptions

    struct Limit {
        let requests: Int
        let seconds: Int64
    }

    func limits() throws -> [Limit] {
        if realistic {
            return [Limit(requests: 20, seconds: 60), Limit(requests: 600, seconds: 3_600)]
        }
        if limit.isEmpty { return [Limit(requests: 500, seconds: 2)] }
        return try limit.filter { $0 != "none" }.map { text in
            let parts = text.split(separator: "/")
            guard parts.count == 2, let requests = Int(parts[0]),
                (1...1_000_000_000).contains(requests), let seconds = Int64(parts[1]),
                (1...31_536_000).contains(seconds)
            else { throw ValidationError("--limit \(text): give requests/seconds, such as 20/60") }
            return Limit(requests: requests, seconds: seconds)
        }
    }

    func validate() throws {
        _ = try limits()
        guard records >= 0, records <= 10_000_000 else {
            throw ValidationError("--records must be from 0 to 10000000")
        }
        guard (0...3_600_000).contains(latencyMs) else {
            throw ValidationError("--latency-ms must be from 0 to 3600000")
        }
        guard (0...1).contains(faultRate) else {
            throw ValidationError("--fault-rate is from 0 to 1")
        }
    }

    func run() throws {
        Signals.install()
        Output.outliveReader()
        let server = DemoServer(try serverConfiguration(), port: port)
        let baseURL = try server.start()
        if serveOnly {
            serve(baseURL)
            return
        }
        defer { server.stop() }
        let folder = try demoFolder()
        let config = "\(folder)/ossync.yaml"
        try write(try configurationText(baseURL), to: config)
        var options = global
        options.config = config
        options.store = "\(folder)/store"
        let session = try Session(options)
        let output = session.output
        output.note("a simulated ERP with \(UInt64(records).grouped) service orders at \(baseURL)")
        let first = try sync(session)
        if output.isJSON {
            let run = JSONText.object([
                ("v", .number(1)), ("type", "run"), ("summary", first.report.json),
            ])
            output.line(run.line)
        } else {
            first.report.print(to: output)
        }
        guard first.exitCode == 0 || first.exitCode == 3 else {
            throw CommandFailure.silent(first.exitCode)
        }
        output.note("\nonce more:")
        let second = try sync(session)
        if !output.isJSON { second.report.print(to: output) }
        output.note("")
        try StatusReport(session).print()
        if output.isJSON { second.report.print(to: output) }
        output.note("\nlook around: ossync show 42 --config \(config)")
        if first.exitCode != 0 { throw CommandFailure.silent(first.exitCode) }
    }

    private func sync(_ session: Session) throws -> (report: SummaryReport, exitCode: Int32) {
        let stream = try session.configuration.stream()
        guard let store = try EngineSession(session, activity: "demo", creates: true) else {
            throw CommandFailure(ExitCode.locked, "the demo's store is in use")
        }
        let result = try RunSession(
            store: store, source: session.source(stream), stream: stream, mode: .incremental,
            options: RunOptions()
        ).run()
        let exitCode = result.completed.exitCode
        return (
            SummaryReport(
                stream: stream.name, mode: "incremental", result: result, exitCode: exitCode,
                options: session.options),
            exitCode
        )
    }

    private func serve(_ baseURL: String) {
        let output = global.output
        if output.isJSON {
            output.line(
                JSONText.object([
                    ("v", .number(1)), ("type", "server"), ("baseURL", .string(baseURL)),
                ]).line)
        } else {
            output.line("serving \(UInt64(records).grouped) service orders at \(baseURL)")
            output.line("list    \(baseURL)/os?page=1&per_page=1000&id_gt=0")
            output.line("detail  \(baseURL)/os/details?ids=1,2,3")
        }
        while true { pause() }
    }

    private func serverConfiguration() throws -> ERPConfiguration {
        var configuration = ERPConfiguration(seed: seed, records: records)
        configuration.latency = ERPConfiguration.Latency(
            baseNs: latencyMs * .nsPerMs, jitterNs: latencyMs * .nsPerMs / 2)
        let kind: ERPLimit.Kind = fixedWindows ? .fixed(phaseNs: 0) : .sliding
        configuration.limits = try limits().map {
            ERPLimit(requests: $0.requests, seconds: Double($0.seconds), kind: kind)
        }
        configuration.faults[.serverError] = faultRate
        configuration.faults.poisonIDs = Set(poison)
        configuration.faults.missingIDs = Set(missing)
        configuration.token = token
        configuration.reportsTotal = !noTotal
        return configuration
    }
}
