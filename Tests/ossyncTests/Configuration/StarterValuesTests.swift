import Testing

@testable import ossync

@Suite struct StarterValuesTests {
    private func load(_ values: StarterValues) throws -> Configuration {
        let folder = ConfigurationFolder()
        try folder.write(ConfigurationTemplate.generic(values: values), mode: 0o644)
        return try folder.load()
    }

    @Test func nothingKnownIsTheTemplateItself() {
        #expect(
            ConfigurationTemplate.generic(values: StarterValues())
                == ConfigurationTemplate.generic())
    }

    @Test func whatIsKnownStandsInItsPlace() throws {
        let configuration = try load(
            StarterValues(
                baseURL: "https://api.example.org:8443/v2", perMinute: "60", perHour: "none",
                auth: .basic, secretVariable: "ERP_KEY", user: #"o: "x", }"#,
                listPath: "/orders?open=true&a=%7B", records: "/result/~1items", id: "/no",
                detailPath: "/orders?ids={ids}"))
        let api = try configuration.requireAPI()
        #expect(api.baseURL == "https://api.example.org:8443/v2")
        #expect(configuration.rateLimits.requestsPerMinute == 60)
        #expect(configuration.rateLimits.requestsPerHour == nil)
        guard case .basic(let user, let password) = api.auth else {
            Issue.record("not basic")
            return
        }
        #expect(user == #"o: "x", }"#)
        #expect(password.source == .environment("ERP_KEY"))
        let stream = try configuration.stream()
        #expect(stream.list.records == "/result/~1items" && stream.list.id == "/no")
        #expect(stream.detail?.records == "/result/~1items" && stream.detail?.id == "/no")
        #expect(stream.detail?.path == "/orders?ids={ids}" && stream.detail?.batchSize == 5)
    }

    @Test func oneRecordACallIsAnObject() throws {
        let detail = try load(StarterValues(id: "/no", detailPath: "/orders/{id}")).stream().detail
        #expect(detail?.batchSize == 1 && detail?.single == true)
        #expect(detail?.records == "" && detail?.id == "/no")
    }

    @Test func withoutDetailsThereIsOnlyTheList() throws {
        let stream = try load(StarterValues(records: "", detailPath: "")).stream()
        #expect(stream.detail == nil && stream.list.records == "")
        #expect(stream.columns.count == 2)
    }

    @Test(arguments: [
        "true", "null", "No", "7", "1e3", "a b", "a: b", "x:", "#", "", "é", "-", "a,b", "{id}",
    ])
    func whateverTheTextItStaysOne(text: String) throws {
        let values = StarterValues(auth: .basic, user: text.isEmpty ? "-" : text)
        guard case .basic(let user, _) = try load(values).api?.auth else {
            Issue.record("not basic")
            return
        }
        #expect(user == values.user)
    }

    @Test func aWrongAnswerIsAskedAgain() throws {
        var answers = [
            "erp", "http://erp.example.com", "https://erp.example.org", "0", "", "none", "apiKey",
            "X Key", "X-Key", "9", "KEY", "orders", "/orders/{id}", "/orders", "walk", "Offset",
            "start", "start", "limit", "0", "50", "\"\"", "", "/orders/7", "\"\"",
        ][...]
        var said = ""
        let questions = StarterQuestions(answer: { answers.popFirst() }, say: { said += $0 })
        var expected = StarterValues(
            baseURL: "https://erp.example.org", perMinute: "20", perHour: "none", auth: .apiKey,
            secretVariable: "KEY", keyHeader: "X-Key", listPath: "/orders", records: "", id: "/id",
            detailPath: "")
        (expected.paging, expected.pageParameter) = (.offset, "start")
        (expected.sizeParameter, expected.pageSize) = ("limit", "50")
        #expect(try questions.ask() == expected)
        #expect(answers.isEmpty)
        #expect(said.contains("must be a number of 1 or more, or none, not \"0\""))
    }

    @Test func theEndOfInputIsAnError() {
        let questions = StarterQuestions(answer: { nil }, say: { _ in })
        let failure = #expect(throws: CommandFailure.self) { try questions.ask() }
        #expect(failure?.exitCode == ExitCode.usage)
    }
}
