import Testing

@testable import ossync

@Suite struct GlobalOptionsTests {
    private func moved(_ line: String) -> String {
        let arguments = line.split(separator: " ").map(String.init)
        return GlobalOptions.movedBehindCommand(arguments, groups: ["log", "queue"])
            .joined(separator: " ")
    }

    @Test(arguments: [
        ("status --json", "status --json"),
        ("--json status", "status --json"),
        ("--store /s --json sync --mode full", "sync --mode full --store /s --json"),
        ("--store=/s status", "status --store=/s"),
        ("--config c.yaml queue retry 1 -- --2", "queue retry 1 --config c.yaml -- --2"),
        ("--color never --quiet log show", "log show --color never --quiet"),
        ("log --json show", "log show --json"),
        ("--json log --quiet show -n 3", "log show -n 3 --json --quiet"),
        ("--log-file l --verbose sync", "sync --log-file l --verbose"),
    ])
    func globalOptionsMayStandBeforeTheCommand(line: String, expected: String) {
        #expect(moved(line) == expected)
    }

    @Test(arguments: [
        "", "--help", "--version", "sync --json", "--unknown sync", "--store", "--json",
        "--store /s", "-x status",
    ])
    func whatIsNotTheirsStaysAsItIs(line: String) {
        #expect(moved(line) == line)
    }

    /// `--store sync status`: the value of an option is not a command.
    @Test func theValueOfAnOptionGoesWithIt() {
        #expect(moved("--store sync status") == "status --store sync")
    }
}
