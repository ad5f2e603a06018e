internal import SyncCore

// What events of older builds leave unsaid, said when they are read: pure functions of the event
// alone. The stored bytes, and with them hash and chain, stay as they are.

extension Event {
    /// The event as this program would have recorded it.
    var upcast: Event {
        switch self {
        case .runRequested(let event): .runRequested(event.withPinnedOrder)
        default: self
        }
    }
}

extension RunRequested {
    private static let orderKey = "list.order"

    /// The first builds, all of the first decision rules, did not pin the order of the list; the
    /// policy beside it says which it was. Without it, none of their passes could be gone on with:
    /// the order would count as one that was changed.
    fileprivate var withPinnedOrder: RunRequested {
        guard deciderVersion == 1, policy.pinned.contains(where: { $0.key == "list.path" }),
            !policy.pinned.contains(where: { $0.key == Self.orderKey })
        else { return self }
        var policy = policy
        policy.pinned.append(PinnedKey(key: Self.orderKey, value: "\(policy.order)"))
        return RunRequested(
            mode: mode, options: options, policy: policy, seed: seed,
            deciderVersion: deciderVersion, requester: requester)
    }
}
