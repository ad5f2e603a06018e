import Foundation
import Testing

@testable import ossync

/// Template, JSON Schema and documentation against the key table.
///
/// With `OSSYNC_RECORD=1` in the environment the generated documents are written anew.
@Suite struct ConfigurationDocumentsTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs")
    private static let isRecording = ProcessInfo.processInfo.environment["OSSYNC_RECORD"] == "1"

    @Test func theTemplateIsTakenByTheReader() throws {
        let folder = ConfigurationFolder()
        try folder.write(ConfigurationTemplate.generic(), mode: 0o644)
        let configuration = try folder.load()
        let stream = try configuration.stream()
        #expect(configuration.store == "\(folder.path)/ossync-store")
        #expect(stream.name == "os" && stream.list.paging.size == 1000)
        #expect(stream.detail?.batchSize == 5 && stream.columns.count == 2)
        #expect(configuration.report == .init(amount: "expense_total", date: nil))
        #expect(configuration.rateLimits.requestsPerHour == 600)
        let store = #"/srv/a "b": #c"#
        try folder.write(ConfigurationTemplate.generic(store: store), mode: 0o644)
        #expect(try folder.load().store == store)
        #expect(
            ConfigurationTemplate.generic(schema: "x").hasPrefix(
                "# yaml-language-server: $schema=x\n"))
    }

    @Test func theTemplatesCommentedValuesAreTakenToo() throws {
        let lines = ConfigurationTemplate.generic().split(
            separator: "\n", omittingEmptySubsequences: false)
        let uncommented = lines.map { line -> String in
            let indent = line.prefix { $0 == " " }
            let rest = line.dropFirst(indent.count)
            // A commented key: `# name: value`; deeper ones keep their own indentation.
            guard rest.hasPrefix("# "),
                let colon = rest.dropFirst(2).firstIndex(of: ":"),
                rest[..<colon].dropFirst(2).trimmingPrefix(while: { $0 == " " })
                    .allSatisfy({ $0.isLetter || "-_".contains($0) }),
                !rest.hasPrefix("# Types"), !rest.hasPrefix("# yaml"), !rest.hasPrefix("# JSON"),
                !rest.hasPrefix("# Credentials"), !indent.isEmpty
            else { return String(line) }
            return String(indent + rest.dropFirst(2))
        }
        let folder = ConfigurationFolder()
        try folder.write(uncommented.joined(separator: "\n"))
        let configuration = try folder.load()
        #expect(configuration.api?.userAgent == "my-company-sync")
        #expect(configuration.api?.headers.count == 2)
        #expect(configuration.api?.healthPath == "/ping")
        #expect(configuration.streams.first?.list.idOrder == .numeric)
        #expect(configuration.streams.first?.columns.count == 4)
        #expect(configuration.report.date == "opened_at")
        #expect(configuration.schedules.map(\.name) == ["quarter", "night"])
        #expect(configuration.alerts.channels.map(\.name) == ["pager", "ops", "journal"])
        #expect(configuration.alerts.ping?.failURL != nil)
    }

    @Test func everyKeyIsInTheTemplate() {
        let template = ConfigurationTemplate.generic()
        func check(_ keys: [ConfigurationKey]) {
            for key in keys {
                #expect(template.contains("\(key.name):"), "\(key.name)")
                switch key.shape {
                case .section(let keys): check(keys)
                case .named(_, of: .section(let keys)), .list(of: .section(let keys)): check(keys)
                case .variant(let variants): variants.variants.forEach { check($0.keys) }
                default: break
                }
            }
        }
        check(ConfigurationKeys.root)
    }

    @Test func everyDefaultIsTakenByTheReader() throws {
        var reader = ConfigurationReader(files: [], workingDirectory: "/")
        let tree = ConfigurationTree.single(
            path: "api.baseURL", text: "https://a.b", origin: .builtIn)
        _ = reader.section(ConfigurationKeys.root, tree, path: "")
        #expect(reader.problems == [])
    }

    @Test func theSchemaIsJSONAndTheFileInDocsIsIt() throws {
        let file = Self.docs.appending(path: "configuration.schema.json")
        let text = ConfigurationSchema.text
        if Self.isRecording { try text.write(to: file, atomically: true, encoding: .utf8) }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
        let root = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let properties = try #require(root["properties"] as? [String: Any])
        let known = [
            "alerts", "api", "log", "metrics", "rateLimits", "report", "schedules", "store",
            "streams",
        ]
        #expect(properties.keys.sorted() == known)
        #expect(root["additionalProperties"] as? Bool == false)
        let definitions = try #require(root["$defs"] as? [String: Any])
        let parts = text.components(separatedBy: "\"$ref\": \"#/$defs/").dropFirst()
        let references = Set(parts.map { String($0.prefix { $0 != "\"" }) })
        #expect(references == Set(definitions.keys))
    }

    @Test func theDocumentationListsTheKeyTable() throws {
        let file = Self.docs.appending(path: "configuration.md")
        var text = try String(contentsOf: file, encoding: .utf8)
        let (start, end) = ("<!-- keys -->\n", "<!-- /keys -->")
        let from = try #require(text.range(of: start)).upperBound
        let to = try #require(text.range(of: end)).lowerBound
        if Self.isRecording {
            text.replaceSubrange(from..<to, with: ConfigurationReference.markdown)
            try text.write(to: file, atomically: true, encoding: .utf8)
            return
        }
        #expect(String(text[from..<to]) == ConfigurationReference.markdown)
    }

    @Test func everyExampleOfTheDocumentationIsTaken() throws {
        let text = try String(
            contentsOf: Self.docs.appending(path: "configuration.md"), encoding: .utf8)
        let blocks = text.components(separatedBy: "```yaml\n").dropFirst()
        #expect(blocks.count >= 3)
        for block in blocks {
            let yaml = try #require(block.components(separatedBy: "```").first)
            #expect(try problems(of: yaml) == [])
        }
    }
}
