internal import Glibc
internal import Simulation

/// Hands jobs to workers, and their outcomes back in the order of the jobs.
final class WorkerPool {
    /// A job on its way.
    private struct Task {
        let number: Int
        let job: SimulationJob
        let startNs: UInt64
        /// The worker's processor time until then.
        let cpuNs: UInt64
    }

    private struct Place {
        var worker: WorkerProcess
        var task: Task?
    }

    private var places: [Place]
    /// A simulation that takes longer hangs, in a loop or in a wait; a machine that others use may
    /// let it wait for long.
    private static let longestCPUNs: UInt64 = 300_000_000_000
    private static let longestNs: UInt64 = 3_600_000_000_000

    init(jobs: Int) throws {
        places = []
        for _ in 0..<jobs { places.append(Place(worker: try WorkerProcess())) }
    }

    /// Runs one job.
    func run(_ job: SimulationJob) throws -> SimulationOutcome {
        var left: SimulationJob? = job
        var outcome: SimulationOutcome?
        try run(
            next: {
                defer { left = nil }
                return left
            }, done: { outcome = $1 })
        return outcome ?? .failed(signature: "lost", text: ["the outcome is lost"])
    }

    /// Runs jobs until there are no more.
    func run(
        next: () -> SimulationJob?, done: (SimulationJob, SimulationOutcome) throws -> Void
    ) throws {
        var issued = 0
        var told = 0
        var outcomes: [Int: (SimulationJob, SimulationOutcome)] = [:]
        var hasMore = true
        while true {
            for index in places.indices where hasMore && places[index].task == nil {
                guard let job = next() else {
                    hasMore = false
                    break
                }
                places[index].task = Task(
                    number: issued, job: job, startNs: Self.nowNs,
                    cpuNs: places[index].worker.cpuNs)
                places[index].worker.send(job)
                issued += 1
            }
            if told == issued { return }
            for (task, outcome) in try collect() { outcomes[task.number] = (task.job, outcome) }
            while let (job, outcome) = outcomes.removeValue(forKey: told) {
                told += 1
                try done(job, outcome)
            }
        }
    }

    /// Waits until something has come of a job.
    private func collect() throws -> [(Task, SimulationOutcome)] {
        var waits = places.map {
            pollfd(fd: $0.worker.output, events: Int16(POLLIN), revents: 0)
        }
        poll(&waits, nfds_t(waits.count), 1_000)
        var done: [(Task, SimulationOutcome)] = []
        for (index, wait) in waits.enumerated() {
            guard let task = places[index].task else { continue }
            if wait.revents == 0 {
                let worker = places[index].worker
                let isHanging =
                    Self.nowNs - task.startNs > Self.longestNs
                    || worker.cpuNs &- task.cpuNs > Self.longestCPUNs
                if isHanging { worker.kill() }
                continue
            }
            switch places[index].worker.receive() {
            case .nothing: continue
            case .line(let line):
                let outcome = SimulationOutcome(line: line)
                done.append((task, outcome ?? .failed(signature: "answer", text: [line])))
            case .end(let reason):
                done.append((task, .failed(signature: reason, text: [reason])))
                places[index].worker = try WorkerProcess()
            }
            places[index].task = nil
        }
        return done
    }

    private static var nowNs: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
