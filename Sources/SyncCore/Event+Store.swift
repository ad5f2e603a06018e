/// Fact: this store belongs to one API.
package struct StoreBound: Sendable, Equatable {
    /// `api.id`, or the base URL without userinfo and query.
    package let apiIdentity: String

    package init(apiIdentity: String) { self.apiIdentity = apiIdentity }
}

/// Fact: a stream got its number.
package struct StreamDeclared: Sendable, Equatable {
    package let stream: StreamID
    package let name: String

    package init(stream: StreamID, name: String) {
        self.stream = stream
        self.name = name
    }
}

/// Fact: how the boot clock and the wall clock stood to each other at one moment.
///
/// Appended at each engine start, when the two have moved apart by more than a second, and when a
/// backup is restored.
package struct ClockAnchored: Sendable, Equatable {
    /// Linux's `/proc/sys/kernel/random/boot_id`.
    package let bootID: String
    /// `CLOCK_BOOTTIME`, in nanoseconds; it counts while the machine is suspended.
    package let bootNs: Int64
    /// `CLOCK_REALTIME` at the same moment.
    package let wall: LogTime
    /// An engine starts here: whatever an earlier one had in flight is abandoned.
    package let isEngineStart: Bool
    /// The log was a backup until now: what was sent since the event before is not known.
    package let isRestored: Bool

    /// The clocks may part by so much before a new anchor is due.
    package static let slackNs: Int64 = .nsPerSecond

    package init(
        bootID: String, bootNs: Int64, wall: LogTime, isEngineStart: Bool, isRestored: Bool = false
    ) {
        self.bootID = bootID
        self.bootNs = bootNs
        self.wall = wall
        self.isEngineStart = isEngineStart
        self.isRestored = isRestored
    }

    /// The boot clock at a moment that was recorded under this anchor.
    package func bootNs(at time: LogTime) -> Int64 {
        bootNs.saturatingAdd(time.since(wall))
    }

    /// The moment at which the boot clock stands at `bootNs`.
    package func time(atBootNs other: Int64) -> LogTime {
        wall.adding(ns: other.saturatingAdd(-bootNs))
    }
}

/// Fact: how many requests may be in flight so that every answer can still be stored.
package struct StorageMeasured: Sendable, Equatable {
    package let freeBytes: UInt64
    /// 0 means that not even one answer would fit.
    package let inFlightAllowed: UInt16

    package init(freeBytes: UInt64, inFlightAllowed: UInt16) {
        self.freeBytes = freeBytes
        self.inFlightAllowed = inFlightAllowed
    }
}
