import Glibc
import TestSupport
import Testing

@testable import SyncEngine

@Suite struct EngineLockTests {
    private let folder = TemporaryFolder()
    private var store: StoreFolder { StoreFolder(folder.path) }
    private let holder = LockHolder(
        pid: 4_711, host: "machine", user: "erp", since: "2026-01-02T03:04:05Z",
        activity: "sync --mode full", takes: [.retry, .stop])

    private func locked(_ body: () throws -> Void) -> LockHolder? {
        do {
            try body()
            return nil
        } catch EngineError.locked(let holder) {
            return holder
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    @Test func theSecondOneIsToldWhoHoldsTheStore() throws {
        let lock = try EngineLock.take(store, holder: holder)
        let other = LockHolder(pid: 1, host: "b", user: "c", since: "d", activity: "e")
        #expect(locked { _ = try EngineLock.take(store, holder: other) } == holder)
        #expect(EngineError.locked(holder).exitCode == 11)
        #expect(holder.description.contains("pid 4711 on machine, user erp"))
        #expect(EngineLock.holder(of: store) == holder)
        withExtendedLifetime(lock) {}
    }

    @Test func itIsFreeOnceItsHolderIsGone() throws {
        do {
            let lock = try EngineLock.take(store, holder: holder)
            withExtendedLifetime(lock) {}
        }
        // A shorter text leaves nothing of the longer one.
        let other = LockHolder(pid: 1, host: "b", user: "c", since: "d", activity: "e")
        let lock = try EngineLock.take(store, holder: other)
        #expect(locked { _ = try EngineLock.take(store, holder: holder) } == other)
        withExtendedLifetime(lock) {}
    }

    @Test func nobodyHoldsAStoreWhoseHolderIsGone() throws {
        #expect(EngineLock.holder(of: store) == nil)
        let descriptor = open(store.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(descriptor) }
        let text = Array("4711\nmachine\nerp\n2026-01-02T03:04:05Z\nsync\nretry".utf8)
        #expect(write(descriptor, text, text.count) == text.count)
        #expect(EngineLock.holder(of: store) == nil)
    }

    @Test func aKilledProcessFreesIt() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String] in
            let holder = LockHolder(pid: 1, host: "", user: "", since: "", activity: "")
            let lock = try EngineLock.take(StoreFolder(path), holder: holder)
            kill(getpid(), SIGKILL)
            withExtendedLifetime(lock) {}
        }
        #expect(locked { _ = try EngineLock.take(store, holder: holder) } == nil)
    }

    @Test func aLockThatSaysNothingIsStillALock() throws {
        let descriptor = open(store.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        #expect(locked { _ = try EngineLock.take(store, holder: holder) }?.activity == "?")
    }

    @Test func aFolderThatIsNotThereIsAnError() {
        do {
            _ = try EngineLock.take(StoreFolder(folder.at("absent")), holder: holder)
            Issue.record("there is no folder")
        } catch {
            #expect(error.description.contains("absent"))
            #expect(error.exitCode == 1)
        }
    }

    @Test func aStoresFolderIsForItsOwnerOnly() throws {
        let deep = StoreFolder(folder.at("a/b/c"))
        try deep.make()
        #expect(Bytes.mode(deep.path) == 0o700)
        #expect(Bytes.mode(deep.logs) == 0o700)
        #expect(!deep.exists)
        #expect((deep.freeBytes ?? 0) > 0)
        try deep.make()
        Bytes.write([1], folder.at("file"))
        #expect(throws: EngineError.self) { try StoreFolder(folder.at("file/x")).make() }
    }
}
