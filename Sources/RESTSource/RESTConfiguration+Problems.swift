internal import Records

/// One thing in the configuration that can't work.
package struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
    /// The key as it stands in the file, below the stream or the top level.
    package let key: String
    /// What is wrong and what to write instead; without secrets.
    package let text: String

    package var description: String { "\(key): \(text)" }
}

extension RESTConfiguration {
    /// Everything that can't work; empty when requests can be built.
    package var problems: [ConfigurationProblem] {
        apiProblems + listProblems + detailProblems + limitProblems
    }

    private func problem(_ key: String, _ text: String) -> ConfigurationProblem {
        ConfigurationProblem(key: key, text: text)
    }

    private var apiProblems: [ConfigurationProblem] {
        var found: [ConfigurationProblem] = []
        if let base = URLParts(api.baseURL) {
            if base.hasUserInfo {
                found.append(
                    problem(
                        "api.baseURL",
                        "has a user or password in the URL; use 'auth: { type: basic, ... }'"))
            }
            if base.hasQuery {
                found.append(
                    problem("api.baseURL", "has a query or fragment; put the query into 'path'"))
            }
            if base.scheme == "http", !base.isLoopback, !api.allowPlainHTTP {
                found.append(
                    problem(
                        "api.baseURL",
                        "sends credentials unencrypted to another machine; use https, or set "
                            + "'allowPlainHTTP: true' if the network is trusted"))
            }
        } else {
            found.append(
                problem(
                    "api.baseURL",
                    "is no URL of the form https://host/path, in ASCII and percent-encoded"))
        }
        for header in headerFields {
            if !HTTPField.isName(header.name) {
                found.append(problem("api.headers", "'\(header.name)' is no header name"))
            } else if !HTTPField.isValue(header.value.reveal()) {
                found.append(
                    problem(
                        "api.headers",
                        "the value of '\(header.name)' is empty, or has a line end or another "
                            + "control character (is there one in the file or variable?)"))
            }
        }
        return found
    }

    /// All headers whose name or value somebody chose.
    private var headerFields: [Header] {
        let auth: [Header] =
            switch api.auth {
            case .none: []
            case .bearer(let token): [Header(name: "Authorization", value: token)]
            case .apiKey(let name, let key): [Header(name: name, value: key)]
            case .basic(let user, let password):
                [Header(name: "Authorization", value: Secret(user + ":" + password.reveal()))]
            }
        return auth + api.headers + [Header(name: "User-Agent", value: Secret(api.userAgent))]
    }

    private var listProblems: [ConfigurationProblem] {
        var found = pathProblems("list.path", list.path)
        if list.paging.size < 1 {
            found.append(problem("list.paging.size", "must be 1 or more"))
        }
        var names = [list.paging.sizeParam, list.idAfterParam]
        switch list.paging {
        case .page(let param, _, _, let first):
            names.append(param)
            if first < 0 { found.append(problem("list.paging.first", "must be 0 or more")) }
        case .offset(let param, _, _), .idAfter(let param, _, _): names.append(param)
        }
        if names.contains("") {
            found.append(problem("list.paging", "a parameter has an empty name"))
        }
        return found + ignoreProblems("list.ignore", list.ignore)
    }

    private var detailProblems: [ConfigurationProblem] {
        var found = healthPath.map { pathProblems("health.path", $0) } ?? []
        guard let detail else { return found }
        let takesOne = detail.path.contains("{id}")
        let takesMany = detail.path.contains("{ids}")
        found += pathProblems("detail.path", detail.path)
        if !takesOne, !takesMany {
            found.append(problem("detail.path", "has neither {id} nor {ids}"))
        }
        if detail.batchSize < 1 {
            found.append(problem("detail.batch.size", "must be 1 or more"))
        }
        if detail.batchSize > 1, takesOne, !takesMany {
            found.append(
                problem("detail.path", "needs {ids} to ask for \(detail.batchSize) at once"))
        }
        if detail.batchSize > 1, detail.id == nil {
            found.append(
                problem("detail.id", "is needed to tell the records of one answer apart"))
        }
        if !URLParts.isLegal(detail.join) {
            found.append(
                problem("detail.batch.join", "has characters that must be percent-encoded"))
        }
        return found + ignoreProblems("detail.ignore", detail.ignore)
    }

    private func pathProblems(_ key: String, _ path: String) -> [ConfigurationProblem] {
        let bare = path.replacing("{id}", with: "").replacing("{ids}", with: "")
        guard URLParts.isLegal(bare) else {
            return [
                problem(key, "has characters that must be percent-encoded, or a fragment ('#')")
            ]
        }
        return path.utf8.first == UInt8(ascii: "/")
            ? [] : [problem(key, "must begin with '/': write '/\(path)'")]
    }

    private func ignoreProblems(
        _ key: String, _ pointers: [JSONPointer]
    ) -> [ConfigurationProblem] {
        do {
            _ = try Fingerprinter(ignoring: pointers)
            return []
        } catch {
            return [problem(key, error.description)]
        }
    }

    private var limitProblems: [ConfigurationProblem] {
        let values = [
            ("timeouts.connectMs", limits.connectMs), ("timeouts.idleMs", limits.idleMs),
            ("timeouts.totalMs", limits.totalMs), ("maxBodyBytes", limits.maxBodyBytes),
            ("maxHeaderBytes", limits.maxHeaderBytes), ("maxRatio", limits.maxRatio),
        ]
        return values.filter { $0.1 < 1 || $0.1 > Int(UInt32.max >> 1) }.map {
            problem("api.\($0.0)", "must be between 1 and 2147483647")
        }
    }
}
