internal import Glibc
package import SyncCore

/// The machine's own clocks.
package struct SystemClock: TimeSource {
    private let bootID: String

    package init() { bootID = Self.readBootID() }

    package func read() -> ClockReading {
        ClockReading(
            bootID: bootID, bootNs: Self.nanoseconds(CLOCK_BOOTTIME),
            wall: LogTime(nanoseconds: Self.nanoseconds(CLOCK_REALTIME)))
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * .nsPerSecond + Int64(time.tv_nsec)
    }

    /// The kernel's name for this boot; where there is none, the moment of booting stands for it.
    private static func readBootID() -> String {
        if let text = TextFile.read("/proc/sys/kernel/random/boot_id") {
            let id = text.prefix { !$0.isWhitespace }
            if !id.isEmpty { return String(id) }
        }
        let booted = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME)
        return "booted-\(booted / (10 * .nsPerSecond))"
    }
}
