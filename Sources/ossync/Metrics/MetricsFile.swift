import Glibc
import SyncEngine

/// The file in which node_exporter's textfile collector finds the metrics.
enum MetricsFile {
    /// node_exporter runs as a user of its own.
    private static let mode: mode_t = 0o644

    /// Writes a file that takes its name when it is whole, so that no part of one is ever read.
    ///
    /// - Throws: exit 1 where it can't be written.
    static func write(_ report: MetricsReport, to path: String) throws {
        do {
            let sink = try ExportSink(path, mode: mode)
            do {
                try sink.write(Array(report.text.utf8))
                try sink.finish()
            } catch {
                sink.abandon()
                throw error
            }
        } catch let failure as CommandFailure where failure.hint == nil {
            throw CommandFailure(
                failure.exitCode, failure.message,
                hint: "name a file in a folder that is there and that this user may write to")
        }
    }
}

extension Session {
    /// Writes the metrics where the configuration wants them. What goes wrong here is told, and
    /// changes nothing else: the next sync writes them again.
    func writeMetrics() {
        guard let path = configuration.metricsTextfile, folder.exists else { return }
        do {
            try MetricsFile.write(try MetricsReport(self), to: path)
        } catch {
            output.warn("the metrics were not written: \(CommandFailure(describing: error).line)")
        }
    }
}
