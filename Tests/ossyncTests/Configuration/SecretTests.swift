import RESTSource
import Testing

@testable import ossync

@Suite struct SecretTests {
    private static let canary = "canary-5f1e9c"

    private func token(_ value: String, in folder: ConfigurationFolder, mode: UInt32 = 0o600)
        throws -> SecretReference
    {
        try folder.write(
            "api:\n  baseURL: https://a.b\n  auth: { type: bearer, token: \(value) }\n",
            mode: mode)
        guard case .bearer(let token) = try folder.load().requireAPI().auth else {
            throw ConfigurationError(place: "test", message: "no token")
        }
        return token
    }

    @Test(arguments: [0o640, 0o604, 0o644, 0o620] as [UInt32])
    func aLiteralSecretInALooseFileIsRefused(mode: UInt32) throws {
        let yaml =
            "api:\n  baseURL: https://a.b\n"
            + "  auth: { type: bearer, token: \(Self.canary) }\n"
        #expect(
            try problems(of: yaml, mode: mode) == [
                "ossync.yaml:3: api.auth.token is a secret in a file that others can read; "
                    + "run: chmod 600 ossync.yaml"
            ])
        for name in ["X-Access-Token", "X-Token.v2", "x.secret.id"] {
            let header = "api:\n  baseURL: https://a.b\n  headers: { \(name): \(Self.canary) }\n"
            #expect(try problems(of: header, mode: mode).count == 1)
        }
    }

    @Test func aReferenceInALooseFileIsTaken() throws {
        let folder = ConfigurationFolder()
        let reference = try token("{ env: TOKEN }", in: folder, mode: 0o644)
        #expect(try reference.resolve(environment: { _ in "t" }).reveal() == "t")
    }

    @Test func aSecretIsNeverPrinted() throws {
        let folder = ConfigurationFolder()
        let reference = try token(Self.canary, in: folder)
        let configuration = try folder.load()
        let secret = try reference.resolve()
        #expect(secret.reveal() == Self.canary)
        var dumped = ""
        dump(configuration, to: &dumped)
        dump(secret, to: &dumped)
        let printed = ["\(secret)", "\(reference)", "\(configuration)", String(reflecting: secret)]
        let described = configuration.describe().map(\.text)
        #expect(!(printed + described + [dumped]).contains { $0.contains(Self.canary) })
        #expect(described.contains("***"))
    }

    @Test func aMistypedSecretIsNotQuotedInAMessage() throws {
        for value in ["[\(Self.canary)]", "{ env: [\(Self.canary)] }", "{ file: x, env: y }"] {
            let yaml = "api:\n  baseURL: https://a.b\n  auth: { type: bearer, token: \(value) }\n"
            let messages = try problems(of: yaml)
            #expect(messages.count == 1)
            #expect(!messages.contains { $0.contains(Self.canary) })
        }
    }

    @Test func aVariableThatIsNotSetIsNamed() throws {
        let folder = ConfigurationFolder()
        let reference = try token("{ env: OSSYNC_TOKEN }", in: folder)
        let error = #expect(throws: ConfigurationError.self) {
            try reference.resolve(environment: { _ in nil })
        }
        #expect(
            error?.description == "ossync.yaml:3: api.auth.token needs the environment variable "
                + "OSSYNC_TOKEN, which is not set; run: read -rs OSSYNC_TOKEN && export "
                + "OSSYNC_TOKEN; or write { file: PATH } there")
    }

    @Test func aSecretFileIsReadBesideTheConfigurationWithoutItsLineEnd() throws {
        let folder = ConfigurationFolder()
        try folder.write("\(Self.canary)\r\n", to: "token", mode: 0o640)
        let reference = try token("{ file: ./token }", in: folder)
        #expect(try reference.resolve().reveal() == Self.canary)
    }

    @Test(arguments: [
        ("x\n", 0o604 as UInt32, "is in %, which everyone can read; run: chmod 600 %"),
        ("x\ny\n", 0o600, "holds a line end or another control character"),
        ("\n", 0o600, "is empty"),
    ])
    func anUnusableSecretFileIsRefused(text: String, mode: UInt32, message: String) throws {
        let folder = ConfigurationFolder()
        try folder.write(text, to: "token", mode: mode)
        let reference = try token("{ file: token }", in: folder)
        let error = #expect(throws: ConfigurationError.self) { try reference.resolve() }
        let expected = message.replacing("%", with: "\(folder.path)/token")
        #expect(error?.description == "ossync.yaml:3: api.auth.token \(expected)")
    }

    @Test func aMissingSecretFileIsNamed() throws {
        let folder = ConfigurationFolder()
        let reference = try token("{ file: token }", in: folder)
        let error = #expect(throws: ConfigurationError.self) { try reference.resolve() }
        #expect(
            error?.description == "ossync.yaml:3: api.auth.token can't be read from "
                + "\(folder.path)/token: No such file or directory")
    }

    @Test(arguments: ["auth: CANARY", "headers: CANARY", "auth: [CANARY]"])
    func aMisplacedSecretIsNotQuotedInAMessage(line: String) throws {
        let yaml =
            "api:\n  baseURL: https://a.b\n  "
            + line.replacing("CANARY", with: Self.canary) + "\n"
        let messages = try problems(of: yaml)
        #expect(messages.count == 1)
        #expect(!messages.contains { $0.contains(Self.canary) })
    }
}
