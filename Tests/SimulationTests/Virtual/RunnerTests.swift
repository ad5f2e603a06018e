import FaultyDisk
import Glibc
import Simulation
import Testing

/// The built runner, from outside.
@Suite struct RunnerTests {
    /// Beside the executable of the tests.
    private static let runner: String = {
        var path = [CChar](repeating: 0, count: 4_096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        let text = String(decoding: path[..<max(count, 0)].map(UInt8.init), as: UTF8.self)
        return text[..<(text.lastIndex(of: "/") ?? text.startIndex)] + "/ossync-simulate"
    }()

    private func run(_ arguments: String) -> (output: String, exitCode: Int32) {
        guard let pipe = popen("'\(Self.runner)' \(arguments) 2>&1", "r") else { return ("", -1) }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = fread(&chunk, 1, chunk.count, pipe)
            if count == 0 { break }
            output += chunk[..<count]
        }
        return (String(decoding: output, as: UTF8.self), pclose(pipe) >> 8 & 0xFF)
    }

    @Test func twoProcessesGiveTheSameChainHeadForASeed() throws {
        let first = run("--seeds 7..8 --verbose --jobs 2")
        let second = run("--seeds 7..8 --verbose --jobs 1")
        #expect(first.exitCode == 0)
        let heads = { (text: String) in text.split(separator: "\n").filter { $0.contains("head") } }
        #expect(heads(first.output).count == 2)
        #expect(heads(first.output) == heads(second.output))
        let here = try Simulator(SimulationPlan(seed: 7), disk: .interposed).run()
        #expect(heads(first.output).first?.contains(here.head) == true)
    }

    @Test(
        arguments: [
            "--seeds x", "--seeds 3..1", "--minutes 0", "--scenario none", "--set records",
            "--set nothing=1", "--set records=1e30", "--set crashes=-1", "--set concurrency=0",
            "--set records=2.5", "--crash-at 4,2", "--crash-at 0", "--jobs 0", "--jobs 1.5",
            "--seeds 1.5", "--seeds .5", "--seeds 1...3", "--plan 1..9", "--unknown",
        ])
    func whatCanNotBeUnderstoodIsAUsageError(arguments: String) {
        let result = run(arguments)
        #expect(result.exitCode == 2)
        #expect(result.output.contains("usage:"))
    }

    private static let small = "--scenario exhaustive --set records=25 --set pageSize=10 --jobs 1"

    @Test func aCrashIsComparedWithTheWholeRunAndMustHappen() {
        let crashed = run("\(Self.small) --crash-at 60")
        #expect(crashed.exitCode == 0)
        #expect(crashed.output.contains("seed 1: crashed 1 times"))
        let missed = run("\(Self.small) --crash-at 60,99999")
        #expect(missed.exitCode == 1)
        #expect(missed.output.contains("it crashed 1 times of 2"))
        #expect(missed.output.contains("--crash-at 60,99999"))
    }

    @Test func anExhaustiveRunEndsWhenItsTimeIsOver() {
        let result = run("\(Self.small) --minutes 0.01")
        #expect(result.exitCode == 0)
        #expect(result.output.contains("the time was over"))
    }

    @Test func schedulesAreRunByEveryJob() {
        let result = run("--schedules 1..300 --jobs 2")
        #expect(result.exitCode == 0)
        #expect(result.output.contains("300 schedules, 0 failed"))
    }

    @Test func aPlanIsPrintedWithWhatIsSet() {
        let result = run("--plan 3 --scenario calm --set records=12")
        #expect(result.exitCode == 0)
        #expect(result.output.contains("records: 12\n"))
        #expect(result.output.contains("crashes: 0\n"))
    }
}
