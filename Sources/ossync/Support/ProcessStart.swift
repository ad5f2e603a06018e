import CProcess
import Glibc

/// How this program starts itself once more.
enum ProcessStart {
    /// The variable of the environment that tells a process who started it.
    private static let parent = "OSSYNC_PARENT"

    /// Lets this process die with the one of this program that started it, if one did: what it is
    /// for has no reader then, and its files may be in another's way.
    static func dieWithParent() {
        guard let text = getenv(parent).map({ String(cString: $0) }) else { return }
        // What this process starts in turn has it as its parent.
        unsetenv(parent)
        guard let id = pid_t(text), ossync_die_with_parent() == 0 else { return }
        // It may have died before.
        if getppid() != id { _exit(ExitCode.failure) }
    }

    /// A pipe that a child gets only by the number that it is given.
    ///
    /// - Throws: exit 1.
    static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw failure(errno) }
        // A child that held the reader's end would not notice that nobody reads.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Starts a process that ends when the calling thread does: that must wait for it.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - outputs: descriptors of this process, with the numbers that the child has for them.
    ///   - outlives: it goes on without this process, and in a session of its own, which no key of
    ///     a terminal reaches.
    /// - Throws: exit 1.
    static func spawn(
        _ arguments: [String], outputs: [(own: Int32, childs: Int32)], outlives: Bool = false
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for output in outputs {
            posix_spawn_file_actions_adddup2(&actions, output.own, output.childs)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // This process has its signals blocked, for the thread that waits for them.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | (outlives ? ossync_spawn_setsid : 0))
        var pointers: [UnsafeMutablePointer<CChar>?] = (["ossync"] + arguments).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var environment = outlives ? [] : [strdup("\(parent)=\(getpid())")]
        let own = environment
        defer { for variable in own { free(variable) } }
        var next = environ
        while let variable = next.pointee {
            environment.append(variable)
            next += 1
        }
        environment.append(nil)
        var child = pid_t()
        let status = posix_spawn(
            &child, "/proc/self/exe", &actions, &attributes, pointers, environment)
        guard status == 0 else { throw failure(status) }
        return child
    }

    private static func failure(_ status: Int32) -> CommandFailure {
        CommandFailure(
            ExitCode.failure,
            "a process of its own could not be started: \(String(cString: strerror(status)))")
    }
}
