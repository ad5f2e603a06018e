/// The clocks of the machine, read together.
package struct ClockReading: Sendable, Equatable {
    /// Tells one boot of the machine from another.
    package let bootID: String
    /// Nanoseconds since boot, suspended time included.
    package let bootNs: Int64
    package let wall: LogTime

    package init(bootID: String, bootNs: Int64, wall: LogTime) {
        self.bootID = bootID
        self.bootNs = bootNs
        self.wall = wall
    }
}

/// Where the shell gets the time from; the core is told it.
package protocol TimeSource: Sendable {
    func read() -> ClockReading
}
