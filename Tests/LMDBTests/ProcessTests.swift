import Glibc
import Synchronization
import TestSupport
import Testing

@testable import LMDB

/// What happens between threads and processes, and when the disk or the map is full.
@Suite struct ProcessTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.at("env") }

    /// Carries a writer to another thread, which is the mistake under test.
    private final class Carrier: @unchecked Sendable {
        var transaction: WriteTransaction?

        init(_ transaction: consuming WriteTransaction) {
            self.transaction = consume transaction
        }
    }

    @Test func committingOnAnotherThreadTraps() async throws {
        await #expect(processExitsWith: .failure) { [path = folder.path as String] in
            do {
                try Environment.makeWithData("\(path)/a")
                let environment = try Environment.open("\(path)/a", .quick())
                let carrier = Carrier(try environment.beginWrite())
                TemporaryThreads(1) { try? carrier.transaction.take()?.commit() }.join()
            } catch {
                // Not a trap: seen as the success that it must not be.
                exit(0)
            }
            exit(0)
        }
        withExtendedLifetime(folder) {}
    }

    @Test func droppingAWriterOnAnotherThreadTraps() async throws {
        await #expect(processExitsWith: .failure) { [path = folder.path as String] in
            do {
                try Environment.makeWithData("\(path)/b")
                let environment = try Environment.open("\(path)/b", .quick())
                let carrier = Carrier(try environment.beginWrite())
                TemporaryThreads(1) { carrier.transaction = nil }.join()
            } catch {
                // Not a trap: seen as the success that it must not be.
                exit(0)
            }
            exit(0)
        }
        withExtendedLifetime(folder) {}
    }

    @Test func aProgramThatIsStartedHasNoDescriptorOfIt() throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path)
        try environment.put("key", "value")
        let real = try #require(realpath(path, nil))
        defer { free(real) }
        let prefix = String(cString: real) + "/"
        var open: [String] = []
        for number in 0..<1_024 as Range<Int32> {
            var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink("/proc/self/fd/\(number)", &bytes, bytes.count)
            let name = String(
                decoding: bytes.prefix(max(count, 0)).map { UInt8(bitPattern: $0) },
                as: UTF8.self)
            guard name.hasPrefix(prefix) else { continue }
            open.append(name)
            #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0, "\(name)")
        }
        #expect(open.contains(prefix + "data.mdb") && open.contains(prefix + "lock.mdb"))
        withExtendedLifetime(environment) {}
    }

    @Test func aReaderMayMoveToAnotherThread() throws {
        final class Reader: @unchecked Sendable {
            var transaction: ReadTransaction?
            let data: Database
            var found: String?
            init(_ transaction: consuming ReadTransaction, _ data: Database) {
                self.transaction = consume transaction
                self.data = data
            }
        }
        try Environment.makeWithData(path)
        let environment = try Environment.open(path, .quick())
        try environment.put("key", "value")
        let reader = Reader(try environment.beginRead(), try environment.data)
        TemporaryThreads(1) {
            reader.found = try? reader.transaction?.text(reader.data, "key")
            reader.transaction = nil
        }.join()
        #expect(reader.found == "value")
    }

    @Test func aReaderThatWasKilledIsFreedAndItsPagesReused() async throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path)
        try environment.put("key", "value")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let environment = try Environment.open(path)
            let reader = try environment.beginRead()
            kill(getpid(), SIGKILL)
            withExtendedLifetime(environment) {}
            try reader.renew()
        }
        #expect(try environment.checkReaders() == 1)
        #expect(try environment.checkReaders() == 0)
    }

    @Test func aWriterThatWasKilledLeavesNothingAndHoldsNobodyUp() async throws {
        try Environment.makeWithData(path)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let environment = try Environment.open(path)
            let data = try environment.data
            let transaction = try environment.beginWrite()
            try transaction.put(data, Array("killed".utf8), [1])
            kill(getpid(), SIGKILL)
            try transaction.commit()
        }
        let environment = try Environment.open(path)
        try environment.put("key", "value")
        #expect(try environment.text("killed") == nil)
        #expect(try environment.text("key") == "value")
    }

    @Test func aReaderSeesWhatAnotherProcessWroteOnceItIsRenewed() async throws {
        try Environment.makeWithData(path)
        let environment = try Environment.open(path)
        try environment.put("key", "ours")
        let data = try environment.data
        let reader = try environment.beginRead()
        await #expect(processExitsWith: .success) { [path = path as String] in
            try Environment.open(path).put("key", "theirs")
        }
        #expect(try reader.text(data, "key") == "ours")
        try reader.renew()
        #expect(try reader.text(data, "key") == "theirs")
    }

    @Test func aFullMapIsGrownAndTheSameWriteTriedAgain() throws {
        let small = EnvironmentOptions.quick(mapSize: 256 << 10)
        try Environment.makeWithData(path, small)
        let environment = try Environment.open(path, small)
        let data = try environment.data
        let fill = {
            let transaction = try environment.beginWrite()
            for number in 0..<200 as Range<UInt8> {
                try transaction.put(data, [number], [UInt8](repeating: number, count: 3_000))
            }
            try transaction.commit()
        }
        #expect(code(fill) == .mapFull)
        #expect(try environment.beginRead().count(data) == 0)
        var growths = 0
        while code(fill) == .mapFull, growths < 10 {
            try environment.growMap()
            growths += 1
        }
        #expect(growths == 2)
        #expect(try environment.beginRead().count(data) == 200)
        #expect(try environment.beginRead().value(data, [199])?.first == 199)
    }

    @Test func theMapIsNotMovedUnderAReader() throws {
        let small = EnvironmentOptions.quick(mapSize: 256 << 10)
        try Environment.makeWithData(path, small)
        let environment = try Environment.open(path, small)
        try environment.put("key", "value")
        let data = try environment.data
        do {
            let reader = try environment.beginRead()
            #expect(code { try environment.growMap(waitMs: 0) } == .busy)
            #expect(try reader.text(data, "key") == "value")
        }
        try environment.growMap(waitMs: 0)
        #expect(try environment.info().mapSize == 512 << 10)
        #expect(try environment.text("key") == "value")
    }

    @Test func growingTheMapWaitsForTheReadersOfOtherThreads() throws {
        let small = EnvironmentOptions.quick(mapSize: 256 << 10)
        try Environment.makeWithData(path, small)
        let environment = try Environment.open(path, small)
        let data = try environment.data
        let isDone = Atomic(false)
        let wrong = Atomic(0)
        try environment.put("key", "value")
        let readers = TemporaryThreads(2) {
            while !isDone.load(ordering: .relaxed) {
                let text = try? environment.beginRead().text(data, "key")
                if text != "value" { wrong.add(1, ordering: .relaxed) }
            }
        }
        for _ in 0..<10 { try environment.growMap() }
        isDone.store(true, ordering: .relaxed)
        readers.join()
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(try environment.info().mapSize == 256 << 20)
    }

    @Test func aMapThatAnotherProcessGrewIsTakenOver() async throws {
        let small = EnvironmentOptions(mapSize: 256 << 10)
        try Environment.makeWithData(path, small)
        let environment = try Environment.open(path, small)
        let data = try environment.data
        let reader = try environment.beginRead()
        await #expect(processExitsWith: .success) { [path = path as String] in
            let environment = try Environment.open(path, EnvironmentOptions(mapSize: 4 << 20))
            let data = try environment.data
            let transaction = try environment.beginWrite()
            for number in 0..<200 as Range<UInt8> {
                try transaction.put(data, [number], [UInt8](repeating: number, count: 3_000))
            }
            try transaction.commit()
        }
        try reader.renew()
        #expect(try reader.count(data) == 200)
        #expect(try reader.value(data, [199])?.count == 3_000)
    }

    /// A commit itself may find the map full: nothing was written then, so the outcome is known.
    @Test func aCommitThatFindsTheMapFullCanBeTriedAgain() throws {
        var found = false
        for size in stride(from: 200, through: 1_600, by: 8) where !found {
            let path = folder.at("map-\(size)")
            let small = EnvironmentOptions.quick(mapSize: 128 << 10)
            try Environment.makeWithData(path, small)
            let environment = try Environment.open(path, small)
            let data = try environment.data
            for round in 0..<40 as Range<UInt8> {
                let transaction = try environment.beginWrite()
                let isPut = code {
                    for number in 0..<UInt8(size / 200 + 6) {
                        try transaction.put(
                            data, [round % 5, number], [UInt8](repeating: round, count: size))
                    }
                    try transaction.put(data, [round, 255], [UInt8](repeating: 1, count: size))
                }
                guard isPut == nil else { break }
                do throws(LMDBError) {
                    try transaction.commit()
                } catch {
                    #expect(error.code == .mapFull)
                    found = true
                    try environment.growMap()
                    let again = try environment.beginWrite()
                    try again.put(data, [9, 9, 9], [9])
                    try again.commit()
                    #expect(try environment.beginRead().value(data, [9, 9, 9]) == [9])
                    break
                }
            }
        }
        #expect(found, "no size made a commit fail: the test shows nothing")
    }

    @Test func afterACommitThatFailedTheEnvironmentMustBeReopened() async throws {
        await #expect(processExitsWith: .success) { [path = path as String] in
            try Environment.makeWithData(path)
            do {
                let environment = try Environment.open(path, .quick())
                try environment.put("key", "kept")
                let data = try environment.data
                // The file may not grow any further: as on a full disk, but for this process only.
                signal(SIGXFSZ, SIG_IGN)
                var limit = rlimit(rlim_cur: 64 << 10, rlim_max: rlim_t.max)
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                let transaction = try environment.beginWrite()
                for number in 0..<100 as Range<UInt8> {
                    try transaction.put(data, [number], [UInt8](repeating: 1, count: 3_000))
                }
                var failure: LMDBError.Code?
                do throws(LMDBError) {
                    try transaction.commit()
                } catch {
                    failure = error.code
                }
                guard failure == .diskFull || failure == .io else { exit(10) }
                guard code({ _ = try environment.beginWrite() }) == .needsReopen else { exit(11) }
                guard code({ _ = try environment.beginRead() }) == .needsReopen else { exit(12) }
            }
            var limit = rlimit(rlim_cur: rlim_t.max, rlim_max: rlim_t.max)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let reopened = try Environment.open(path, .quick())
            guard try reopened.text("key") == "kept" else { exit(13) }
            guard try reopened.beginRead().count(reopened.data) == 1 else { exit(14) }
            try reopened.put("key", "new")
            exit(0)
        }
        withExtendedLifetime(folder) {}
    }
}
