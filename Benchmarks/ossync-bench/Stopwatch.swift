internal import Glibc

/// What a piece of work took.
struct Cost {
    /// Time of all processors for this process, the kernel's part included.
    var cpuNs: Int64 = 0
    var wallNs: Int64 = 0

    static func + (left: Cost, right: Cost) -> Cost {
        Cost(cpuNs: left.cpuNs + right.cpuNs, wallNs: left.wallNs + right.wallNs)
    }

    /// Runs `body` and tells what it took.
    static func of(_ body: () throws -> Void) rethrows -> Cost {
        let (cpu, wall) = (now(CLOCK_PROCESS_CPUTIME_ID), now(CLOCK_MONOTONIC))
        try body()
        return Cost(cpuNs: now(CLOCK_PROCESS_CPUTIME_ID) - cpu, wallNs: now(CLOCK_MONOTONIC) - wall)
    }

    private static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension [Cost] {
    /// The median of each part by itself.
    var median: Cost {
        Cost(
            cpuNs: map(\.cpuNs).sorted()[count / 2], wallNs: map(\.wallNs).sorted()[count / 2])
    }
}
