import Glibc
import Locks
import TestSupport
import Testing

@Suite struct MutexTests {
    @Test func oneThreadAtATimeHasTheValue() {
        let count = Mutex(0)
        let threads = TemporaryThreads(4) {
            for _ in 0..<1_000 {
                count.withLock { count in
                    let before = count
                    // Another one that has it too would be lost here.
                    sched_yield()
                    count = before + 1
                }
            }
        }
        threads.join()
        #expect(count.withLock { $0 } == 4_000)
    }

    private struct Refusal: Error {}

    @Test func anErrorLetsItGo() {
        let value = Mutex("a")
        #expect(throws: Refusal.self) {
            try value.withLock { text throws(Refusal) in
                text += "b"
                throw Refusal()
            }
        }
        #expect(value.withLock { $0 } == "ab")
    }

    @Test func whoeverHasItAndAsksAgainEnds() async {
        await #expect(processExitsWith: .failure) {
            let value = Mutex(0)
            value.withLock { _ in value.withLock { $0 += 1 } }
        }
    }
}
