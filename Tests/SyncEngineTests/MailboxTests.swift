import SyncCore
import TestSupport
import Testing

@testable import SyncEngine

@Suite struct MailboxTests {
    private func signals(_ messages: [Mailbox.Message]) -> [StopReason] {
        messages.compactMap { if case .cancel(let reason) = $0 { reason } else { nil } }
    }

    @Test func everythingIsTakenOnceInItsOrder() {
        let mailbox = Mailbox()
        #expect(mailbox.take(waitingNs: 0).isEmpty)
        mailbox.put(.cancel(.sigint))
        mailbox.put(.cancel(.sigterm))
        #expect(signals(mailbox.take(waitingNs: .max)) == [.sigint, .sigterm])
        #expect(mailbox.take(waitingNs: 1_000).isEmpty)
    }

    @Test func whoeverWaitsIsWokenByAMessage() {
        let mailbox = Mailbox()
        let thread = TemporaryThreads(1) { mailbox.put(.cancel(.sigint)) }
        #expect(signals(mailbox.take(waitingNs: .max)) == [.sigint])
        thread.join()
    }

    @Test func nothingIsLostBetweenManyThreads() {
        let mailbox = Mailbox()
        let threads = TemporaryThreads(4) {
            for _ in 0..<500 { mailbox.put(.cancel(.sigint)) }
        }
        var taken = 0
        while taken < 2_000 { taken += mailbox.take(waitingNs: .max).count }
        threads.join()
        #expect(taken == 2_000)
        #expect(mailbox.take(waitingNs: 0).isEmpty)
    }

    @Test func theSystemsClocksGoForwards() {
        let clock = SystemClock()
        let first = clock.read()
        let second = clock.read()
        #expect(!first.bootID.isEmpty)
        #expect(first.bootID == second.bootID)
        #expect(second.bootNs >= first.bootNs)
        #expect(first.wall > LogTime(nanoseconds: 1_700_000_000 * .nsPerSecond))
    }
}
