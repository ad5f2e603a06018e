/// The way in which a simulation lets calls that change files fail.
///
/// The calls are those of the calling thread between `arm` and `disarm`. Whoever builds a simulator
/// brings it, so that nothing of it is in a program that doesn't simulate.
package struct DiskFaults: Sendable {
    package struct Failure: Sendable {
        /// The call that fails, counted from 1.
        package let at: Int
        /// The errno that it reports.
        package let error: Int32
        /// Every later call fails too: the disk stays full, or the process is gone.
        package let goesOn: Bool
        /// Half of what it should write is written.
        package let tears: Bool
        /// Calls that open and read files are counted, and fail, too.
        package var reads = false

        /// Calls are counted, and none fails.
        static let never = Failure(at: .max, error: 0, goesOn: false, tears: false)
    }

    package struct Report: Sendable, Equatable {
        /// Calls that were made.
        package let calls: Int
        /// One of them failed.
        package let isStruck: Bool
        /// Files that were synced.
        package let syncs: Int
        /// Something was written that a loss of power would take back.
        package let isUnsynced: Bool

        package init(calls: Int, isStruck: Bool, syncs: Int = 0, isUnsynced: Bool = false) {
            self.calls = calls
            self.isStruck = isStruck
            self.syncs = syncs
            self.isUnsynced = isUnsynced
        }
    }

    let arm: @Sendable (Failure) -> Void
    let disarm: @Sendable () -> Report
    /// From now on remembers what is written while armed and not synced yet, and what was there.
    let remember: @Sendable () -> Void
    /// Takes back, by a seed, what was not synced, while nobody has it open; says how much it was.
    let losePower: @Sendable (UInt64) -> Int
    let forget: @Sendable () -> Void

    package init(
        arm: @escaping @Sendable (Failure) -> Void, disarm: @escaping @Sendable () -> Report,
        remember: @escaping @Sendable () -> Void,
        losePower: @escaping @Sendable (UInt64) -> Int, forget: @escaping @Sendable () -> Void
    ) {
        self.arm = arm
        self.disarm = disarm
        self.remember = remember
        self.losePower = losePower
        self.forget = forget
    }
}
