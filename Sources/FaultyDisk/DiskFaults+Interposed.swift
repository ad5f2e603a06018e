internal import CDiskFaults
package import Simulation

extension DiskFaults {
    /// By functions that stand before those of the C library in this executable: what LMDB and the
    /// store itself write fails like on a real disk, in the thread that asked for it.
    package static let interposed = DiskFaults(
        arm: { failure in
            ossync_disk_arm(
                ossync_disk_failure(
                    at: failure.at, error: failure.error, goes_on: failure.goesOn,
                    tears: failure.tears, reads: failure.reads))
        },
        disarm: {
            let report = ossync_disk_disarm()
            return Report(
                calls: report.calls, isStruck: report.struck, syncs: report.syncs,
                isUnsynced: report.unsynced)
        },
        remember: ossync_disk_remember, losePower: { ossync_disk_lose_power($0) },
        forget: ossync_disk_forget)
}
