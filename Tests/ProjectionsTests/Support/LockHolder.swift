import Glibc

/// Another process that has a lock of the projections.
final class LockHolder {
    private let descriptor: Int32

    init(_ folder: String, _ name: String = "lock") {
        descriptor = open("\(folder)/\(name)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        precondition(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    }

    deinit { close(descriptor) }
}
