import Logging
import SyncCore
import Testing

@testable import ossync

@Suite struct LogLineTests {
    private let event = LoggedEvent(
        position: Position(7), time: .zero, stream: .none, run: Position(3), cause: .none,
        startsStep: true, event: .cancelRequested(CancelRequested(signal: .sigint)))

    private func line(_ message: String) -> LogLine {
        LogLine(.warning, message, LogLine.metadata(of: event, ControlState()))
    }

    @Test func peopleReadTheEventBeforeItsWords() {
        let words = line("asked to stop").text(.human)
        #expect(words.hasSuffix(" warning @7 CancelRequested: asked to stop"))
        #expect(LogLine(.info, "words").text(.human).hasSuffix("Z info words"))
    }

    @Test func machinesReadAnObject() {
        let text = line("asked to stop").text(.json)
        #expect(text.hasPrefix("{\"time\":\""))
        #expect(
            text.hasSuffix(
                "\"level\":\"warning\",\"message\":\"asked to stop\",\"event\":\"CancelRequested\","
                    + "\"position\":7,\"run\":\"r3\"}"))
    }

    @Test(arguments: LogLine.Format.allCases)
    func nothingOfTheAPIsEndsALineOrDrivesATerminal(format: LogLine.Format) {
        let hostile = "a\u{1B}[2Jb\nc\r\u{85}d\u{2028}e\u{202E}f\"g\\"
        let text = LogLine(.error, hostile, ["run": "\(hostile)"]).text(format)
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !$0.properties.isBidiControl })
        #expect(!text.contains("\u{2028}") && !text.contains("\u{85}"))
        #expect(text.contains("a[2Jbcdef"))
    }
}
