import Glibc

/// The processors of the machine.
enum Processors {
    /// More don't help what is folded in one thread.
    private static let most = 8

    /// Those that a command has beside the one that it runs on.
    static var others: Int { max(0, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), most) - 1) }
}
