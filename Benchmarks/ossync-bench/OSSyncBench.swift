internal import Glibc

/// Measures the layers of a sync in one process, the log beside raw C.
///
/// Usage: `ossync-bench [--json] [--quick] [FOLDER]`; FOLDER is on the disk to measure, by default
/// the current one.
@main
enum OSSyncBench {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        let folders = arguments.filter { $0 != "--json" && $0 != "--quick" }
        guard folders.count <= 1, folders.allSatisfy({ !$0.hasPrefix("-") }) else {
            fail("usage: ossync-bench [--json] [--quick] [FOLDER]", exitCode: 2)
        }
        do {
            try measure(
                in: folders.first ?? ".", isJSON: arguments.contains("--json"),
                isQuick: arguments.contains("--quick"))
        } catch {
            fail("ossync-bench: \(error)", exitCode: 1)
        }
    }

    private static func measure(in folder: String, isJSON: Bool, isQuick: Bool) throws {
        var report = Report(isJSON: isJSON)
        let scratch = try Scratch(in: folder)
        let log = LogBenchmarks(
            scratch: scratch, rounds: isQuick ? 3 : 7, events: isQuick ? 20_000 : 200_000)
        try log.run(&report)
        try log.runDurable(&report)
        let sync = SyncBenchmarks(
            scratch: scratch, rounds: isQuick ? 1 : 5, records: isQuick ? 2_000 : 20_000)
        try sync.run(&report)
        report.finish()
    }

    private static func fail(_ message: String, exitCode: Int32) -> Never {
        let bytes = Array((message + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
        exit(exitCode)
    }
}
