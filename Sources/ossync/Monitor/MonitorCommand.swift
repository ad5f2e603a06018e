import ArgumentParser
import Dashboard
import Glibc
import SyncCore

/// `ossync monitor`
struct MonitorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor",
        abstract: "Watch a store on the terminal, and start and stop syncs by keys.",
        discussion: """
            Reads only; it never holds up a running sync. Keys: 1 overview, 2 health check, 3 \
            incremental sync, 4 resume, 5 details only, 6 headers only, 7 full (asks), s stop, \
            tab and arrows other pages, / filter, space pause, ? help, esc back, q quit.

            What a key starts is a process of its own: quitting asks whether it is to go on. A \
            signal other than SIGKILL, or a terminal that is closed, stops a sync in an orderly \
            way.

            Example: ossync monitor
            Example: ossync monitor --store /var/lib/ossync/erp --ascii
            """)

    @Flag(help: "Draw with ASCII alone, whatever the locale is.")
    var ascii = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if global.json {
            throw ValidationError(
                "the monitor is for people: `ossync status --json` is for programs")
        }
    }

    func run() throws {
        let session = try Session(global)
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
            throw CommandFailure(
                ExitCode.usage, "the monitor needs a terminal on standard input and output",
                hint: "`ossync status` prints the same once")
        }
        MonitorLoop.takeSignals()
        // What is wrong with the store is told on a screen that is as it was.
        var loop = MonitorLoop(session, try MonitorWatcher(session))
        let terminal = try open(session.output)
        OwnCommand.forgetSync()
        CrashHandler.beforeEnd {
            Terminal.abandon()
            OwnCommand.stopSync()
        }
        try loop.run(terminal)
    }

    private func open(_ output: Output) throws -> Terminal {
        do throws(Terminal.Failure) {
            return try Terminal(colors: output.usesColor, ascii: ascii || !Output.isUnicode)
        } catch {
            throw CommandFailure(
                ExitCode.usage, "this terminal can't be used: \(error.reason)",
                hint: "`ossync status` prints the same once")
        }
    }
}
