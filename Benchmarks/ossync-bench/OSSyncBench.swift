internal import Glibc

/// Measures the layers of a sync in one process, the log beside raw C.
///
/// Usage: `ossync-bench [--json] [--quick] [--log] [--history EVENTS [--failures N] [--keep]]
/// [FOLDER]`; FOLDER is on the disk to measure, by default the current one. With `--log` only
/// appends and scans are measured. With `--history` only the index and the rebuild are, over a log
/// of so many events, in which the details of each record fail N times first; `--keep` leaves that
/// store in FOLDER, to try commands on.
@main
enum OSSyncBench {
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let history = number("--history", in: &arguments)
        let failures = number("--failures", in: &arguments) ?? 0
        let flags = ["--json", "--quick", "--log", "--keep"]
        let folders = arguments.filter { !flags.contains($0) }
        guard folders.count <= 1, folders.allSatisfy({ !$0.hasPrefix("-") }) else {
            fail(
                """
                usage: ossync-bench [--json] [--quick] [--log] \
                [--history EVENTS [--failures N] [--keep]] [FOLDER]
                """,
                exitCode: 2)
        }
        do {
            try measure(
                in: folders.first ?? ".", isJSON: arguments.contains("--json"),
                isQuick: arguments.contains("--quick"), isLogOnly: arguments.contains("--log"),
                history: history, failures: failures, isKept: arguments.contains("--keep"))
        } catch {
            fail("ossync-bench: \(error)", exitCode: 1)
        }
    }

    private static func measure(
        in folder: String, isJSON: Bool, isQuick: Bool, isLogOnly: Bool, history: Int?,
        failures: Int, isKept: Bool
    ) throws {
        var report = Report(isJSON: isJSON)
        let scratch = try Scratch(in: folder, isKept: isKept && history != nil)
        let index = HistoryBenchmarks(
            scratch: scratch, rounds: isQuick ? 3 : 7,
            events: history ?? (isQuick ? 20_000 : 400_000), failures: failures)
        if history != nil {
            try index.run(&report)
            report.finish()
            return
        }
        let log = LogBenchmarks(
            scratch: scratch, rounds: isQuick ? 3 : 7, events: isQuick ? 20_000 : 200_000)
        try log.run(&report)
        try log.runDurable(&report)
        if isLogOnly {
            report.finish()
            return
        }
        let sync = SyncBenchmarks(
            scratch: scratch, rounds: isQuick ? 1 : 5, records: isQuick ? 2_000 : 20_000)
        try sync.run(&report)
        try index.run(&report)
        report.finish()
    }

    /// Takes an option and its number out of the arguments.
    private static func number(_ option: String, in arguments: inout [String]) -> Int? {
        guard let index = arguments.firstIndex(of: option) else { return nil }
        guard index + 1 < arguments.count, let number = Int(arguments[index + 1]) else {
            fail("\(option) needs a number", exitCode: 2)
        }
        arguments.removeSubrange(index...(index + 1))
        return number
    }

    private static func fail(_ message: String, exitCode: Int32) -> Never {
        let bytes = Array((message + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
        exit(exitCode)
    }
}
