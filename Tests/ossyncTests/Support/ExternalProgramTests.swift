import Glibc
import Testing

@testable import ossync

@Suite struct ExternalProgramTests {
    @Test func bothOutputsAndTheInputArrive() throws {
        let result = try ExternalProgram.run(
            ["sh", "-c", "cat; echo why >&2; exit 3"], input: Array("in".utf8))
        #expect((result.code, String(decoding: result.output, as: UTF8.self)) == (3, "in"))
        #expect(result.reason == "why")
    }

    /// More than a pipe takes in at once.
    @Test func aLongOutputIsWhole() throws {
        let input = [UInt8](repeating: 7, count: 900_000)
        #expect(try ExternalProgram.run(["cat"], input: input).output == input)
    }

    @Test func whoPrintsWithoutAnEndIsEndedAndSaysSo() {
        let failure = #expect(throws: CommandFailure.self) {
            try ExternalProgram.run(["dd", "if=/dev/zero", "bs=64k"])
        }
        #expect(failure?.message == "dd printed more than 1 MiB")
    }

    @Test func ofWhatIsSaidOnStandardErrorTheBeginningIsKept() throws {
        let result = try ExternalProgram.run(
            ["sh", "-c", "echo first >&2; head -c 3000000 /dev/zero >&2"])
        #expect((result.code, result.reason, result.message.utf8.count) == (0, "first", 4_096))
    }

    @Test func whatNobodyWantsIsKeptNowhere() throws {
        let links = "[ $(readlink /proc/$$/fd/1)$(readlink /proc/$$/fd/2) = /dev/null/dev/null ]"
        #expect(
            try ExternalProgram.run(["sh", "-c", links], keepsOutput: false, timeoutMs: 60_000)
                .code == 0)
        let result = try ExternalProgram.run(
            ["dd", "if=/dev/zero", "bs=1M", "count=64"], keepsOutput: false, timeoutMs: 60_000)
        #expect(result.code == 0 && result.output.isEmpty && result.message.isEmpty)
    }

    /// It would have to be waited for as long as it runs.
    @Test func whatAProgramLeavesBehindIsNotWaitedFor() throws {
        let result = try ExternalProgram.run(["sh", "-c", "sleep 60 & echo $!"])
        let text = String(decoding: result.output, as: UTF8.self)
        let left = try #require(pid_t(text.dropLast()))
        #expect(kill(left, SIGKILL) == 0)
    }
}
