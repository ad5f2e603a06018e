import Yams

extension ConfigurationTree {
    /// More values than any configuration has: aliases of aliases can't fill the memory.
    private static let maxNodes = 100_000
    private static let maxDepth = 32

    /// Parses one YAML document; nil for a file that holds nothing but comments.
    init?(file: ConfigurationFile) throws(ConfigurationError) {
        let root: Node?
        do {
            // The basic resolver: types are judged by the key table, not by YAML's spelling rules.
            let parser = try Parser(yaml: file.text, resolver: .basic, encoding: .utf8)
            root = try parser.singleRoot()
        } catch let error as YamlError {
            throw ConfigurationError([Self.problem(of: error, in: file)])
        } catch {
            throw ConfigurationError(place: file.path, message: "is not YAML: \(error)")
        }
        guard let root else { return nil }
        var budget = Self.maxNodes
        self = try Self.convert(root, path: file.path, depth: 0, budget: &budget)
    }

    private static func convert(
        _ node: Node, path: String, depth: Int, budget: inout Int
    ) throws(ConfigurationError) -> ConfigurationTree {
        let origin = ConfigurationOrigin.file(path: path, line: node.mark?.line ?? 1)
        budget -= 1
        guard budget > 0, depth <= maxDepth else {
            throw ConfigurationError(place: origin.place, message: "is nested too deeply")
        }
        switch node {
        case .scalar(let scalar):
            guard scalar.tag == .implicit || scalar.tag.description == "tag:yaml.org,2002:str"
            else {
                throw ConfigurationError(
                    place: origin.place, message: "has a YAML tag (\(scalar.tag))",
                    hint: "write the value without it")
            }
            let plain = scalar.style == .plain || scalar.style == .any
            return ConfigurationTree(content: .scalar(scalar.string, plain: plain), origin: origin)
        case .sequence(let sequence):
            var items: [ConfigurationTree] = []
            for item in sequence {
                items.append(
                    try convert(item, path: path, depth: depth + 1, budget: &budget))
            }
            return ConfigurationTree(content: .list(items), origin: origin)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                let place = ConfigurationOrigin.file(path: path, line: key.mark?.line ?? 1)
                guard case .scalar(let name) = key else {
                    throw ConfigurationError(
                        place: place.place, message: "a key must be text, not a list or a mapping")
                }
                let tree = try convert(value, path: path, depth: depth + 1, budget: &budget)
                entries.append(Entry(key: name.string, origin: place, value: tree))
            }
            return ConfigurationTree(content: .mapping(entries), origin: origin)
        case .alias:
            throw ConfigurationError(place: origin.place, message: "has an alias without an anchor")
        }
    }

    private static func problem(
        of error: YamlError, in file: ConfigurationFile
    ) -> ConfigurationProblem {
        func at(_ line: Int, _ message: String, hint: String? = nil) -> ConfigurationProblem {
            ConfigurationProblem(place: "\(file.path):\(line)", message: message, hint: hint)
        }
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let start = context.map { "\($0.text) (line \($0.mark.line)): " } ?? ""
            return at(mark.line, "is not YAML: \(start)\(problem)")
        case .reader(let problem, let offset, _, _):
            let before = file.text.prefix(offset ?? 0)
            return at(1 + before.count { $0.isNewline }, "is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let names, let context):
            let name = names.first ?? ""
            let first = context.mark
            guard
                let second = repeatedLine(
                    of: name, after: first.line, column: first.column, in: file.text)
            else { return at(first.line, "duplicate key \"\(name)\" in one mapping") }
            return at(
                second, "duplicate key \"\(name)\"", hint: "the first is on line \(first.line)")
        default:
            return ConfigurationProblem(place: file.path, message: "is not YAML: \(error)")
        }
    }

    /// The line on which a block mapping repeats a key; the parser names only the first.
    private static func repeatedLine(
        of name: String, after line: Int, column: Int, in text: String
    ) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, candidate) in lines.enumerated().dropFirst(line) {
            let indent = candidate.prefix { $0 == " " }.count
            let content = candidate.dropFirst(indent)
            if content.isEmpty || content.hasPrefix("#") || content == "\r" { continue }
            if indent < column - 1 { return nil }
            let isKey = [name, "\"\(name)\"", "'\(name)'"].contains { content.hasPrefix("\($0):") }
            if indent == column - 1, isKey { return index + 1 }
        }
        return nil
    }
}
