import ArgumentParser

/// `ossync serve`
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the schedules of the configuration, and what others ask for, until stopped.",
        discussion: """
            It holds the store, and has one run at a time. Each schedule starts runs of its mode; \
            times that were missed while nobody was there are made good once. `sync --if-running \
            ask`, `health`, `queue retry`, `queue drop` and the monitor ask it, and the log shows \
            who asked.

            SIGTERM or SIGINT lets the run end in an orderly way, a second one ends at once. \
            SIGHUP reads the configuration anew: it holds from the next run on. systemd hears by \
            sd_notify when it is ready, what it does, and that it is alive.

            Exit codes: 0 stopped by a signal, 1 the store could not be written, 2 usage or \
            configuration, 11 another process holds the store, 12 store corrupt.

            Example: ossync serve
            Example: ossync serve --if-running wait --log-format json
            """)

    /// What becomes of a service whose store another process holds.
    enum IfRunning: String, ExpressibleByArgument, CaseIterable {
        case fail, wait
    }

    @Option(help: "When another process holds the store: fail or wait.")
    var ifRunning: IfRunning = .fail

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let session = try Session(global)
        Output.log(as: session.configuration.log.format)
        try Service(session, waitsForStore: ifRunning == .wait).run()
    }
}
