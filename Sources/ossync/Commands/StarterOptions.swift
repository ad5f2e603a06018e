import ArgumentParser

/// What `ossync init` can be told about the API.
struct StarterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The API's address, below which all paths are.", valueName: "url"))
    var baseURL: String?

    @Option(
        help: ArgumentHelp(
            "The requests that the API allows in a minute, or none.", valueName: "number"))
    var perMinute: String?

    @Option(
        help: ArgumentHelp(
            "The requests that the API allows in an hour, or none.", valueName: "number"))
    var perHour: String?

    @Option(help: "What proves to the API who asks: bearer, apiKey, basic or none.")
    var auth: StarterValues.Auth?

    @Option(
        help: ArgumentHelp(
            "The environment variable of the token, key or password.", valueName: "name"))
    var tokenEnv: String?

    @Option(help: ArgumentHelp("The header of an API key.", valueName: "header"))
    var keyHeader: String?

    @Option(help: ArgumentHelp("The user of basic authentication.", valueName: "name"))
    var user: String?

    @Option(help: ArgumentHelp("The list's path, for example /os.", valueName: "path"))
    var listPath: String?

    @Option(help: "How the list is walked: page, offset or idAfter (ids above the last one).")
    var paging: StarterValues.Paging?

    @Option(
        help: ArgumentHelp(
            "The query parameter of the page's number, the offset or the last id.",
            valueName: "name"))
    var pageParam: String?

    @Option(
        help: ArgumentHelp(
            "The query parameter of the page's size; empty where there is none.",
            valueName: "name"))
    var sizeParam: String?

    @Option(help: ArgumentHelp("The records that a page has.", valueName: "number"))
    var pageSize: String?

    @Option(
        help: ArgumentHelp(
            "Where the records are in an answer, for example /data.", valueName: "pointer"))
    var records: String?

    @Option(help: ArgumentHelp("Where a record has its id, for example /id.", valueName: "pointer"))
    var id: String?

    @Option(
        help: ArgumentHelp(
            "The details' path with {id} or {ids}; empty where there are none.", valueName: "path"))
    var detailPath: String?

    /// - Throws: exit 2 for what no configuration takes.
    func values() throws -> StarterValues {
        let baseURL = baseURL?.unquoted
        let values = StarterValues(
            baseURL: baseURL, perMinute: perMinute, perHour: perHour, auth: auth,
            secretVariable: tokenEnv, keyHeader: keyHeader,
            user: user, listPath: listPath, paging: paging, pageParameter: pageParam,
            sizeParameter: sizeParam, pageSize: pageSize, records: records, id: id,
            detailPath: detailPath)
        let pageName = pageParam ?? (paging ?? .page).parameter.usual
        let inPath = StarterValues.Kind.queryNames(of: listPath ?? "")
        let sizeName = sizeParam ?? StarterValues.usualSizeParameter
        let given: [(flag: String, kind: StarterValues.Kind, text: String?)] = [
            ("--base-url", .address, baseURL), ("--per-minute", .limit, perMinute),
            ("--per-hour", .limit, perHour), ("--token-env", .variable, tokenEnv),
            ("--key-header", .text(.headerName), keyHeader), ("--user", .text(.any), user),
            ("--list-path", .listPath, listPath),
            ("--page-param", .parameter(beside: inPath), pageName),
            ("--size-param", .parameterOrNone(beside: inPath + [pageName]), sizeName),
            ("--page-size", .pageSize, pageSize), ("--records", .text(.pointer), records),
            ("--id", .text(.pointer), id), ("--detail-path", .detailPath, detailPath),
        ]
        for (flag, kind, text) in given {
            if let text, let refusal = kind.refusal(of: text) {
                throw CommandFailure(ExitCode.usage, "\(flag) \(refusal)")
            }
        }
        if keyHeader != nil, auth != .apiKey {
            throw CommandFailure(ExitCode.usage, "--key-header needs --auth apiKey")
        }
        guard (user != nil) == (auth == .basic) else {
            throw CommandFailure(ExitCode.usage, "--user and --auth basic need each other")
        }
        if tokenEnv != nil, auth == StarterValues.Auth.none {
            throw CommandFailure(
                ExitCode.usage, "--token-env and --auth none contradict each other")
        }
        return values
    }
}

extension StarterValues.Auth: ExpressibleByArgument {
    init?(argument: String) { self.init(name: argument) }
}

extension StarterValues.Paging: ExpressibleByArgument {
    init?(argument: String) { self.init(name: argument) }
}

extension StarterValues {
    /// What one of them may be.
    enum Kind {
        case text(ConfigurationText)
        case address
        case variable
        /// A number of requests, or none.
        case limit
        case listPath
        /// Of a query that has these others.
        case parameter(beside: [String])
        case parameterOrNone(beside: [String])
        case pageSize
        case detailPath

        /// Why a text isn't of this kind, as the end of a sentence; nil when it is.
        func refusal(of text: String) -> String? {
            switch self {
            case .text(let kind): return kind.refusal(of: text)
            case .address:
                if let refusal = ConfigurationText.baseURL.refusal(of: text) { return refusal }
                return BaseURLText.isPlainHTTP(text) && !BaseURLText.isLoopback(text)
                    ? "is http:// to another host, so credentials would travel in the open: take "
                        + "https://, or write it and allowPlainHTTP: true into the file" : nil
            case .variable:
                // The text is never repeated: it may be a secret.
                if Self.looksSecret(text) {
                    return "looks like the token itself; give the name of a variable"
                }
                return Self.isName(text)
                    ? nil : "must be a variable's name (letters, digits and _)"
            case .limit:
                let isLimit = text == StarterValues.noLimit || Int(text).map { $0 > 0 } ?? false
                return isLimit ? nil : "must be a number of 1 or more, or none, not \"\(text)\""
            case .listPath:
                if text.contains("{") { return "can't hold a placeholder ({...})" }
                if let name = Self.queryNames(of: text).first(where: Self.usualPaging.contains) {
                    return "can't hold \(name) in its query: paging adds it to each request"
                }
                return ConfigurationText.path.refusal(of: text)
            case .parameter(let others), .parameterOrNone(let others):
                if others.contains(text) {
                    return "is a parameter of the list already: \"\(text)\""
                }
                if case .parameterOrNone = self, text.isEmpty { return nil }
                return ConfigurationText.any.refusal(of: text)
            case .pageSize:
                let isSize = Int(text).map { (1...100_000).contains($0) } ?? false
                return isSize ? nil : "must be a number of 1 to 100000, not \"\(text)\""
            case .detailPath:
                guard !text.isEmpty else { return nil }
                if let refusal = ConfigurationText.path.refusal(of: text) { return refusal }
                let places = ConfigurationChecks.placeholders(in: text)
                return places == ["id"] || places == ["ids"]
                    ? nil : "needs {id} or {ids}, where the identities go, not \"\(text)\""
            }
        }

        /// What no API calls a filter.
        private static let usualPaging = [
            "page", "per_page", "page_size", "pageSize", "limit", "offset", "skip", "take",
            "cursor",
        ]

        /// The names of the parameters that a path has.
        static func queryNames(of path: String) -> [String] {
            guard let query = path.firstIndex(of: "?") else { return [] }
            return path[query...].dropFirst().split(separator: "&").map { field in
                String(field.prefix { $0 != "=" })
            }
        }

        private static func isName(_ text: String) -> Bool {
            text.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
                && text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                        || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
                }
        }

        /// Names of variables are shorter than this, and seldom of letters of both cases with
        /// digits among them.
        private static let secretLength = 30

        private static func looksSecret(_ text: String) -> Bool {
            text.count >= secretLength
                || text.contains(where: \.isLowercase) && text.contains(where: \.isUppercase)
                    && text.contains(where: \.isNumber)
        }
    }
}

/// The same asked for at the terminal.
struct StarterQuestions {
    /// Reads a line; nil at the end of input.
    var answer: () -> String? = { readLine() }
    var say: (String) -> Void = Output.prompt

    /// - Throws: exit 2 where the input ends.
    func ask() throws -> StarterValues {
        say("Enter takes what is in brackets; all of it can be edited afterwards.\n")
        var values = StarterValues()
        values.baseURL = try ask(
            "The API's address, below which all paths are", .address,
            usual: ConfigurationTemplate.exampleURL)
        values.perMinute = try ask("Requests that it allows in a minute", .limit, usual: "20")
        values.perHour = try ask("Requests that it allows in an hour", .limit, usual: "600")
        values.auth = try ask("What proves who asks", usual: StarterValues.Auth.bearer)
        if values.auth == .apiKey {
            values.keyHeader = try ask(
                "The header of the key", .text(.headerName), usual: "X-Api-Key")
        }
        if values.auth == .basic {
            values.user = try ask("The user", .text(.any), usual: "integration")
        }
        if values.auth != StarterValues.Auth.none {
            let noun = [.apiKey: "key", .basic: "password"][values.auth] ?? "token"
            values.secretVariable = try ask(
                "The environment variable with the \(noun)", .variable, usual: "OSSYNC_TOKEN")
        }
        values.listPath = try ask("The path of the list", .listPath, usual: "/os")
        try askPaging(&values)
        values.records = try ask(
            "Where the records are in its answer, as a JSON Pointer; \"\" is the whole answer",
            .text(.pointer), usual: "/data")
        values.id = try ask("Where a record has its id", .text(.pointer), usual: "/id")
        values.detailPath = try ask(
            "The path of details, with {id} or {ids}; \"\" if there are none", .detailPath,
            usual: "/os/details?ids={ids}")
        return values
    }

    private func askPaging(_ values: inout StarterValues) throws {
        let inPath = StarterValues.Kind.queryNames(of: values.listPath ?? "")
        let paging = try ask(
            "How it is walked (idAfter: by ids above the last one)",
            usual: StarterValues.Paging.page)
        let noun = [.offset: "offset", .idAfter: "last id"][paging] ?? "page's number"
        let parameter = try ask(
            "The query parameter of the \(noun)", .parameter(beside: inPath),
            usual: paging.parameter.usual)
        let size = try ask(
            "The query parameter of the page's size; \"\" if there is none",
            .parameterOrNone(beside: inPath + [parameter]), usual: StarterValues.usualSizeParameter)
        values.paging = paging
        values.pageParameter = parameter
        values.sizeParameter = size
        values.pageSize = try ask("Records that a page has", .pageSize, usual: "1000")
    }

    private func ask<Choice: RawRepresentable<String> & CaseIterable & ExpressibleByArgument>(
        _ question: String, usual: Choice
    ) throws -> Choice {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        while true {
            let text = try line("\(question): \(names)", usual: usual.rawValue)
            if let choice = Choice(argument: text) { return choice }
            say("  one of \(names)\n")
        }
    }

    private func ask(
        _ question: String, _ kind: StarterValues.Kind, usual: String
    ) throws -> String {
        while true {
            let given = try line(question, usual: usual)
            let text = given.unquoted
            guard let refusal = kind.refusal(of: text) else { return text }
            say("  it \(refusal)\n")
        }
    }

    private func line(_ question: String, usual: String) throws -> String {
        say("\(question) [\(usual)]: ")
        guard let text = answer() else {
            say("\n")
            throw CommandFailure(
                ExitCode.usage, "the input has ended, so nothing was written",
                hint: "--no-input asks for nothing")
        }
        return text.isEmpty ? usual : text
    }
}

extension String {
    /// Without the quotes around it, which come along where it was copied from.
    fileprivate var unquoted: String {
        guard utf8.count > 1, let quote = first, quote == last, "\"'".contains(quote) else {
            return self
        }
        return String(dropFirst().dropLast())
    }
}
