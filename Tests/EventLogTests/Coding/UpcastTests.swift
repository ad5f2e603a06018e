import SyncCore
import Testing

@testable import EventLog

/// Events of older builds say what their fields leave unsaid.
@Suite struct UpcastTests {
    private func requested(
        _ pinned: [String], deciderVersion: UInt32 = 1, order: ListOrder = .descending
    ) -> RunRequested {
        RunRequested(
            mode: .full, options: RunOptions(),
            policy: Policy(
                limits: LimitPolicy(windows: []), paging: .page, pageSize: 10, order: order,
                detail: nil, pinned: pinned.map { PinnedKey(key: $0, value: "x") }),
            seed: 1, deciderVersion: deciderVersion,
            requester: Requester(pid: 1, host: "host", user: "user"))
    }

    /// What is read of an event once it was stored.
    private func read(_ event: RunRequested) throws -> RunRequested {
        let coder = EventCoder()
        let logged = LoggedEvent(
            position: Position(1), time: .zero, stream: StreamID(1), run: Position(1),
            cause: .none, startsStep: true, event: .runRequested(event))
        var value: [UInt8] = []
        try coder.encode(logged, into: &value)
        let found = try value.withUnsafeBytes {
            try coder.decode(Position(1), $0, bodies: .all)
        }
        guard case .runRequested(let request) = found.event else { throw CancellationError() }
        return request
    }

    @Test(arguments: ListOrder.allCases)
    func theFirstBuildsPinTheOrderToo(order: ListOrder) throws {
        let found = try read(requested(["api.baseURL", "list.path", "list.id"], order: order))
        #expect(
            found.policy.pinned.map(\.key) == [
                "api.baseURL", "list.path", "list.id", "list.order",
            ])
        #expect(found.policy.pinned.last?.value == "\(order)")
    }

    @Test func whoeverPinnedItIsLeftAsItIs() throws {
        let known = requested(["list.path", "list.order"])
        #expect(try read(known) == known)
        let later = requested(["list.path"], deciderVersion: 2)
        #expect(try read(later) == later)
        let withoutSource = requested([])
        #expect(try read(withoutSource) == withoutSource)
    }
}
