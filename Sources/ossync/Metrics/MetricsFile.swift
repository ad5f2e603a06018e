import Glibc
import SyncEngine

/// The file in which node_exporter's textfile collector finds the metrics.
enum MetricsFile {
    /// node_exporter runs as a user of its own.
    private static let mode: mode_t = 0o644

    /// Writes a file that takes its name when it is whole, so that no part of one is ever read.
    ///
    /// The store is read while nobody else can write the file: what it says is never older than
    /// what stood there.
    ///
    /// - Throws: exit 1 where it can't be written.
    static func write(_ session: Session, to path: String) throws {
        let sink = try hinting { try ExportSink(path, mode: mode) }
        do {
            let text = try MetricsReport(session).text
            try hinting {
                try sink.write(Array(text.utf8))
                try sink.finish()
            }
        } catch {
            sink.abandon()
            throw error
        }
    }

    /// Says what to do about a file that can't be written.
    private static func hinting<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
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
            try MetricsFile.write(self, to: path)
        } catch {
            output.warn("the metrics were not written: \(CommandFailure(describing: error).line)")
        }
    }
}
