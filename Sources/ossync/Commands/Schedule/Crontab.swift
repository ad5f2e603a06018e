/// The crontab of whoever runs this, read and written by crontab(1).
enum Crontab {
    /// Its bytes; none where there is no crontab.
    ///
    /// - Throws: exit 1 where it can't be read: it is then never written.
    static func read() throws -> [UInt8] {
        let result = try ExternalProgram.run(["crontab", "-l"])
        if result.code == 0 { return result.output }
        // POSIX has no code for it; every implementation says so.
        if result.message.lowercased().contains("no crontab for") { return [] }
        throw CommandFailure(
            ExitCode.failure, "crontab -l failed, so nothing was changed: \(result.reason)")
    }

    static func write(_ bytes: [UInt8]) throws {
        let result = try ExternalProgram.run(["crontab", "-"], input: bytes)
        guard result.code == 0 else {
            throw CommandFailure(
                ExitCode.failure, "crontab refused the new lines: \(result.reason)")
        }
    }
}
