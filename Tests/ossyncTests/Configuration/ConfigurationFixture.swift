import Glibc
import TestSupport
import Testing

@testable import ossync

/// A temporary folder with configuration files, removed at the end.
final class ConfigurationFolder {
    private let folder = TemporaryFolder()
    var path: String { folder.path }

    /// Writes a file; folders on its way are made.
    func write(_ text: String, to name: String = "ossync.yaml", mode: mode_t = 0o600) throws {
        let target = folder.at(name)
        for index in name.indices where name[index] == "/" {
            mkdir(folder.at(String(name[..<index])), 0o700)
        }
        let file = try #require(fopen(target, "w"))
        fputs(text, file)
        fclose(file)
        try #require(chmod(target, mode) == 0)
    }

    func load(
        environment: [String: String] = [:], configFile: String? = nil,
        overrides: [ConfigurationOverride] = []
    ) throws(ConfigurationError) -> Configuration {
        try ConfigurationLoader(environment: { environment[$0] }, workingDirectory: path)
            .load(configFile: configFile, overrides: overrides)
    }
}

/// The messages of a refused configuration; empty when it is taken.
func problems(
    of yaml: String, environment: [String: String] = [:], mode: mode_t = 0o600
) throws -> [String] {
    let folder = ConfigurationFolder()
    try folder.write(yaml, mode: mode)
    do throws(ConfigurationError) {
        _ = try folder.load(environment: environment)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

/// The least that describes an API and a stream, eleven lines long; further lines follow `detail`.
let smallConfiguration = """
    api:
      baseURL: https://erp.example.com/api
    streams:
      os:
        list:
          path: /os
          paging: { type: page }
          id: /id
        detail:
          path: /os/details?ids={ids}
          batch: { size: 5 }

    """
