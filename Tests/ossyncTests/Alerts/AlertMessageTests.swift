import SyncCore
import Testing

@testable import ossync

@Suite struct AlertMessageTests {
    private let message = AlertMessage(
        kind: .recovered, alert: "failed", stream: "os", text: "{stream} is \"fine\"",
        time: LogTime(nanoseconds: 9), since: LogTime(nanoseconds: 1), position: Position(7),
        store: "/store", host: "host")

    @Test func whatIsFilledInIsNotFilledAgain() {
        #expect(
            message.filled("{text}|{alert}{event}|{stream|{other}")
                == "ossync: failed (os) is over: {stream} is \"fine\"|failedrecovered|"
                + "{stream|{other}")
    }

    @Test func eachTryHasTheSameIdentity() {
        #expect(message.id == "ossync-9-7")
        #expect(message.json.line.hasPrefix("{\"v\":1,\"type\":\"alert\",\"id\":\"ossync-9-7\""))
    }

    @Test(arguments: [
        ("100", "120", 200_000 as UInt64?), ("120.00", "100", 166_667), ("-50", "50", 2_000_000),
        ("0", "5", nil), ("10", "10.0", 0),
    ])
    func aTotalsMoveIsInMillionths(old: String, new: String, ppm: UInt64?) {
        #expect(AlertSession.ppm(from: old, to: new) == ppm)
    }
}
