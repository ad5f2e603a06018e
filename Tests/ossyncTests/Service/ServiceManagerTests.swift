import Glibc
import TestSupport
import Testing

@testable import ossync

@Suite struct ServiceManagerTests {
    private let folder = TemporaryFolder()

    /// In a process of its own, for the variables of the environment are those of all tests.
    @Test func workThatHangsIsNoLongerVouchedFor() async throws {
        await #expect(processExitsWith: .success) { [path = folder.at("notify") as String] in
            let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let isBound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
            guard isBound else { exit(10) }
            // A deadline of 30 ms: a sign of life each 10 ms.
            setenv("NOTIFY_SOCKET", path, 1)
            setenv("WATCHDOG_USEC", "30000", 1)
            guard let manager = ServiceManager() else { exit(11) }
            let signs = manager.working(mostNs: 50_000_000) {
                var patience = timeval(tv_sec: 1, tv_usec: 0)
                setsockopt(
                    listener, SOL_SOCKET, SO_RCVTIMEO, &patience,
                    socklen_t(MemoryLayout<timeval>.size))
                var (signs, bytes) = (0, [UInt8](repeating: 0, count: 100))
                while recv(listener, &bytes, bytes.count, 0) > 0 { signs += 1 }
                return signs
            }
            exit(signs == 5 ? 0 : 12)
        }
        withExtendedLifetime(folder) {}
    }
}
