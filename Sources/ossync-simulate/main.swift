import CProcess
import FaultyDisk
import Glibc
import Simulation

// Opening an LMDB environment asks for megabytes of zeros that it hardly touches: out of fresh
// pages they cost nothing, out of reused memory they are written each time.
_ = mallopt(M_MMAP_THRESHOLD, 1 << 20)
// A worker that ends shows by what it says no more, not by a signal.
_ = signal(SIGPIPE, SIG_IGN)

do {
    let arguments = try Arguments(CommandLine.arguments.dropFirst())
    switch arguments.action {
    case .help: writeLine(Arguments.help)
    case .work: Worker.run()
    case .plan(let seed): writeLine("\(arguments.job(seed: seed).plan)")
    case .events(let seed): exit(showEvents(arguments.job(seed: seed)))
    case .schedules(let seeds): exit(await ScheduleCampaign(arguments, seeds).run())
    case .run:
        var campaign = try Campaign(arguments)
        exit(try campaign.run())
    }
} catch let usage as Arguments.Usage {
    writeLine("ossync-simulate: \(usage)", to: STDERR_FILENO)
    exit(2)
} catch {
    writeLine("ossync-simulate: \(error)", to: STDERR_FILENO)
    exit(1)
}

/// - Returns: the exit code.
func showEvents(_ job: SimulationJob) -> Int32 {
    var report = SimulationReport()
    let line = report.take(job, job.perform(disk: .interposed, observer: { writeLine($0) }))
    writeLine(line.text)
    return line.isFailure ? 1 : 0
}
