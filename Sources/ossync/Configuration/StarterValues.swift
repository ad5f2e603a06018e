/// What `ossync init` knows of an API; what is nil stays as the template has it.
struct StarterValues: Equatable {
    enum Auth: String, CaseIterable {
        case bearer, apiKey, basic, none

        init?(name: String) {
            guard let found = Self.allCases.first(named: name) else { return nil }
            self = found
        }
    }

    /// How the list is walked, by the name that the configuration has for it.
    enum Paging: String, CaseIterable {
        case page, offset, idAfter

        init?(name: String) {
            guard let found = Self.allCases.first(named: name) else { return nil }
            self = found
        }

        /// The key of its parameter, and what the parameter is called if nobody says.
        var parameter: (key: String, usual: String) {
            switch self {
            case .page: ("pageParam", "page")
            case .offset: ("offsetParam", "offset")
            case .idAfter: ("param", "id_gt")
            }
        }
    }

    static let usualSizeParameter = "per_page"

    var baseURL: String?
    /// `none`, or how many requests the API's operator allows.
    var perMinute: String?
    var perHour: String?
    var auth: Auth?
    /// The environment variable that holds the token, key or password.
    var secretVariable: String?
    /// The header of an API key.
    var keyHeader: String?
    /// The user of basic authentication.
    var user: String?
    var listPath: String?
    var paging: Paging?
    /// The parameter of the page's number, the offset or the last id.
    var pageParameter: String?
    /// The parameter of the page's size; empty where there is none.
    var sizeParameter: String?
    /// How many records a page has.
    var pageSize: String?
    /// A JSON Pointer.
    var records: String?
    /// A JSON Pointer.
    var id: String?
    /// With `{id}` or `{ids}`; empty where there are no details.
    var detailPath: String?

    static let noLimit = "none"

    /// The template with these values in their places.
    func written(into template: String) -> String {
        var lines = template.split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        for (key, limit) in [("requestsPerMinute", perMinute), ("requestsPerHour", perHour)] {
            guard let limit else { continue }
            replace(&lines, "  \(key): ", literally: limit == Self.noLimit ? "null" : limit)
        }
        replace(&lines, "  baseURL: ", baseURL)
        if let auth = authText { replace(&lines, "  auth: ", literally: auth) }
        let list = lines.firstIndex(of: "    list:") ?? lines.startIndex
        replace(&lines, "      path: ", listPath, from: list)
        if let paging = pagingText {
            replace(&lines, "      paging: ", literally: paging, from: list)
        }
        if paging == .idAfter, let pageParameter {
            let filter = "{ type: idAfter, param: \(Self.scalar(pageParameter)) }"
            replace(&lines, "      incremental: ", literally: filter, from: list)
        }
        replace(&lines, "      records: ", records, from: list)
        replace(&lines, "      id: ", id, from: list)
        let detail = lines.firstIndex(of: "    detail:") ?? lines.endIndex
        guard detailPath != "" else {
            let end = lines[detail...].firstIndex(of: "") ?? lines.endIndex
            for index in detail..<end { lines[index] = "    # " + lines[index].dropFirst(4) }
            return lines.joined(separator: "\n")
        }
        replace(&lines, "      path: ", detailPath, from: detail)
        replace(&lines, "      id: ", id, from: detail)
        if detailPath?.contains("{id}") == true {
            replace(&lines, "      batch: ", literally: "{ size: 1 }", from: detail)
            replace(&lines, "      records: ", "", from: detail)
            replace(&lines, "      # single: ", literally: "true", from: detail)
            lines = lines.map { $0.replacing("      # single: true", with: "      single: true") }
        } else {
            replace(&lines, "      records: ", records, from: detail)
        }
        return lines.joined(separator: "\n")
    }

    private var authText: String? {
        let variable = secretVariable ?? "OSSYNC_TOKEN"
        let secret = "{ env: \(Self.scalar(variable)) }"
        switch auth ?? (secretVariable == nil ? nil : .bearer) {
        case nil: return nil
        case .some(.none): return "{ type: none }"
        case .bearer: return "{ type: bearer, token: \(secret) }"
        case .apiKey:
            let header = Self.scalar(keyHeader ?? "X-Api-Key")
            return "{ type: apiKey, header: \(header), key: \(secret) }"
        case .basic:
            return "{ type: basic, user: \(Self.scalar(user ?? "")), password: \(secret) }"
        }
    }

    private var pagingText: String? {
        guard paging != nil || pageParameter != nil || sizeParameter != nil || pageSize != nil
        else { return nil }
        let kind = paging ?? .page
        let parameter = kind.parameter
        var fields = [
            "type: \(kind.rawValue)",
            "\(parameter.key): \(Self.scalar(pageParameter ?? parameter.usual))",
        ]
        let size = sizeParameter ?? Self.usualSizeParameter
        if !size.isEmpty { fields.append("sizeParam: \(Self.scalar(size))") }
        fields.append("size: \(pageSize ?? "1000")")
        if kind == .page { fields.append("first: 1") }
        return "{ \(fields.joined(separator: ", ")) }"
    }

    private func replace(
        _ lines: inout [String], _ key: String, _ value: String?, from start: Int = 0
    ) {
        if let value { replace(&lines, key, literally: Self.scalar(value), from: start) }
    }

    /// Gives the first line from `start` on that begins with a key this value; the remark behind
    /// the old one was about that.
    private func replace(
        _ lines: inout [String], _ key: String, literally value: String, from start: Int = 0
    ) {
        guard let index = lines[start...].firstIndex(where: { $0.hasPrefix(key) }) else { return }
        lines[index] = key + value
    }

    /// A text as YAML takes it, in a line and between braces.
    private static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
                true
            case UInt8(ascii: "/"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                index > 0
            // Not at the end, and not before a blank.
            case UInt8(ascii: ":"): index > 0 && index < text.utf8.count - 1
            default: false
            }
        }
        // Words such as true and null are no texts.
        let isWord = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(text.lowercased())
        return isPlain && !text.isEmpty && !isWord ? text : JSONText.string(text).line
    }
}

extension Array where Element: RawRepresentable<String> {
    /// The one of this name in any case: APIs write Bearer.
    fileprivate func first(named name: String) -> Element? {
        first { $0.rawValue.lowercased() == name.lowercased() }
    }
}
