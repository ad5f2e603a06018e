/// What a run would request, and the soonest that the limits let it end.
package struct Plan: Sendable, Equatable {
    /// Nil where the size of the list isn't known.
    package let listRequests: UInt64?
    package let detailRequests: UInt64?
    /// Records that the run would list; nil where that isn't known.
    package let records: UInt64?
    /// From now to the last request; nil where the number of requests isn't known.
    package let floorNs: Int64?

    /// - Parameters:
    ///   - stream: nil in a store that has never synced it.
    ///   - knownRecords: the size of the whole list, where someone knows it better than the store.
    ///   - givesTotal: whether the list tells its size, so that no empty page is needed to find its
    /// end.
    package init(
        _ control: ControlState, stream: StreamState?, policy: Policy, mode: RunMode,
        noDetails: Bool, knownRecords: UInt64?, givesTotal: Bool, now: LogTime
    ) {
        let estimate = Estimate(
            stream: stream, policy: policy, mode: mode,
            size: knownRecords ?? stream?.lastTotal, givesTotal: givesTotal)
        records = estimate.records
        listRequests = estimate.listRequests
        if let detail = policy.detail, !noDetails {
            let batch = UInt64(detail.batch)
            detailRequests = estimate.details.map { ($0 + batch - 1) / batch }
        } else {
            detailRequests = 0
        }
        guard let listRequests, let detailRequests else {
            floorNs = nil
            return
        }
        let start = control.clock == nil ? 0 : control.bootNs(at: now)
        let free = control.limiter.free(under: policy.limits, now: start)
        var floor = FloorTracker(slots: control.limiter.slots, startNs: free)
        // Beyond this the schedule repeats itself closely enough to go on by proportion.
        let exact = min(listRequests + detailRequests, Self.longestSchedule)
        // What the server was found to admit, as long as that is less.
        let windows = control.limiter.windows(policy.limits.windows, now: start)
        for _ in 0..<exact { floor.count(windows: windows) }
        let total = Double(listRequests + detailRequests)
        let whole = Double(floor.floorNs) * (total / Double(max(exact, 1)))
        floorNs =
            exact == 0
            ? 0 : free.saturatingAdd(-start).saturatingAdd(Int64(exactly: whole.rounded()) ?? .max)
    }

    private static let longestSchedule: UInt64 = 1_000_000
}

extension PassState {
    /// How many records that nobody knows yet the rest of the pass may bring, at most.
    ///
    /// - Parameters:
    ///   - total: how many the pass asks for.
    ///   - known: how many are in the store, with what the pass brought.
    package func unlisted(of total: UInt64, known: UInt64) -> UInt64 {
        // Those that lie above a mark are all new.
        let met = filter == .all ? max(known, distinct) : distinct
        return total > met ? total - met : 0
    }
}

/// How many records a run would list, and how many details it would ask for.
private struct Estimate {
    var records: UInt64?
    var listRequests: UInt64?
    var details: UInt64?

    init(
        stream: StreamState?, policy: Policy, mode: RunMode, size: UInt64?, givesTotal: Bool
    ) {
        let waiting = stream?.counts.waiting ?? 0
        let known = stream?.counts.total ?? 0
        let page = UInt64(policy.pageSize)
        let pages = { (records: UInt64) -> UInt64 in
            let full = (records + page - 1) / page
            return givesTotal ? max(full, 1) : full + 1
        }
        let unknown = { (records: UInt64) -> UInt64 in records > known ? records - known : 0 }
        let open = stream?.pass
        switch mode {
        case .detailsOnly, .health:
            (records, listRequests, details) = (0, 0, waiting)
        case .resume where open == nil:
            (records, listRequests, details) = (0, 0, waiting)
        case .resume, .incremental:
            if let open {
                let all = open.total ?? size
                records = all.map { $0 > open.rows ? $0 - open.rows : 0 }
                // An incremental run asks once more afterwards, for what came since.
                let more: UInt64 =
                    mode == .incremental && policy.incremental == .idAfter ? 1 : 0
                listRequests = records.map { pages($0) + more }
                details = all.map { waiting + open.unlisted(of: $0, known: known) }
            } else if stream?.mark(for: policy) != nil {
                let new = size.map(unknown) ?? 0
                (records, listRequests, details) = (new, max(pages(new), 1), waiting + new)
            } else {
                records = size
                listRequests = size.map(pages)
                details = size.map { waiting + unknown($0) }
            }
        case .full:
            records = size
            listRequests = size.map(pages)
            details = size.map { waiting + unknown($0) }
        }
    }
}
