import Glibc

/// The demo's folder and the configuration in it.
extension DemoCommand {
    func demoFolder() throws -> String {
        if let folder {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw CommandFailure(
                    ExitCode.failure, "\(folder): \(String(cString: strerror(errno)))")
            }
            return realPath(folder)
        }
        var template = Array("\(Environment["TMPDIR"] ?? "/tmp")/ossync-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandFailure(
                ExitCode.failure, "no temporary folder: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func realPath(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    func configurationText(_ baseURL: String) throws -> String {
        let windows = try limits().enumerated().map { index, limit in
            "{ name: limit\(index + 1), requests: \(limit.requests), seconds: \(limit.seconds) }"
        }
        let auth =
            token.map { "{ type: bearer, token: \(JSONText.string($0).line) }" } ?? "{ type: none }"
        return """
            \(Self.mark)
            store: ./store
            rateLimits:
              requestsPerMinute: null
              requestsPerHour: null
              windows: [\(windows.joined(separator: ", "))]
            api:
              baseURL: \(baseURL)
              id: ossync-demo
              auth: \(auth)
            streams:
              os:
                list:
                  path: /os
                  paging: { type: page, pageParam: page, sizeParam: per_page, size: 1000, first: 1 }
                  records: /data
                  id: /id
                  total: /total
                  order: ascending
                  incremental: { type: idAfter, param: id_gt }
                detail:
                  path: /os/details?ids={ids}
                  batch: { size: 5, join: "," }
                  records: /data
                  id: /id
                  concurrency: 5
                columns:
                  customer: { pointer: /customer/name }
                  status: { pointer: /status }
                  opened_at: { pointer: /opened_at, type: timestamp }
                  expense_total: { sum: /expenses/*/amount, type: decimal }
            report: { date: opened_at }

            """
    }

    /// What a configuration begins with that a demo may replace.
    private static let mark = "# Written by `ossync demo`, which replaces it."

    func write(_ text: String, to path: String) throws {
        if let file = try? ConfigurationFile(path: path) {
            guard file.text.hasPrefix(Self.mark) else {
                throw CommandFailure(
                    ExitCode.failure, "\(path): it is there already, and none of a demo's",
                    hint: "choose another --folder")
            }
            unlink(path)
        }
        let status = ConfigurationFile.create(path, text)
        guard status == 0 else {
            throw CommandFailure(
                ExitCode.failure, "\(path): \(String(cString: strerror(status)))")
        }
    }
}
