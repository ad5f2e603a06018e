import Glibc
import LMDB
import RESTSource

extension AlertChannel {
    /// Why it can't be told, as far as that shows without telling it; nil where nothing does.
    var problem: String? {
        switch channel.way {
        case .command(let words): Self.problem(program: words.first ?? "")
        case .webhook(let webhook): webhook.problem
        case .file(let path): Self.problem(file: path)
        }
    }

    private static func problem(program: String) -> String? {
        let places =
            program.contains("/")
            ? [program]
            : (Environment["PATH"] ?? "/bin:/usr/bin").split(separator: ":").map {
                "\($0)/\(program)"
            }
        let found = places.filter { access($0, F_OK) == 0 }
        if found.isEmpty { return "\(program): there is no such program" }
        let isRunnable = found.contains { path in
            var info = stat()
            return access(path, X_OK) == 0 && stat(path, &info) == 0
                && info.st_mode & S_IFMT != S_IFDIR
        }
        return isRunnable ? nil : "\(found[0]) can't be run: try chmod +x \(found[0])"
    }

    private static func problem(file path: String) -> String? {
        var info = stat()
        let isThere = stat(path, &info) == 0
        if isThere, info.st_mode & S_IFMT != S_IFREG { return irregular(path) }
        let place = isThere ? path : FileSystem.parent(of: path)
        return access(place, W_OK) == 0
            ? nil : "\(place) can't be written to: \(String(cString: strerror(errno)))"
    }
}

extension Configuration.Webhook {
    /// What shows without a request.
    fileprivate var problem: String? {
        do throws(ConfigurationError) {
            _ = try secret?.resolve()
            for header in headers { _ = try header.value.resolve() }
            return HTTPCall.refusal(of: try url.resolve(), allowPlainHTTP: allowPlainHTTP)
                .map { "its address \($0)" }
        } catch {
            return error.description
        }
    }
}
