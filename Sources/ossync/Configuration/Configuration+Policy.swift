import SyncCore

extension Configuration {
    /// What the decisions about a stream depend on.
    func policy(stream: Stream) throws -> Policy {
        let list = stream.list
        let paging: PagingKind =
            switch list.paging.walk {
            case .page: .page
            case .offset: .offset
            case .idAfter: .idAfter
            }
        let order: ListOrder =
            switch list.order {
            case .ascending: .ascending
            case .descending: .descending
            case .unknown: .unknown
            }
        let idOrder: SyncCore.IDOrder? =
            switch list.idOrder {
            case .numeric: .numeric
            case .lexicographic: .lexicographic
            case .some(.none): SyncCore.IDOrder.none
            case nil: nil
            }
        return Policy(
            limits: limitPolicy, paging: paging, pageSize: list.paging.size, order: order,
            incremental: list.incremental == .none ? .none : .idAfter, idOrder: idOrder,
            detail: stream.detail.map {
                DetailPolicy(batch: $0.batchSize, concurrency: $0.concurrency)
            },
            retry: RetryPolicy(
                attempts: stream.retry.attempts, baseMs: stream.retry.baseMs,
                multiplier: stream.retry.multiplier, maxMs: stream.retry.maxMs),
            pinned: try pinnedKeys(stream))
    }

    /// The windows `minute` and `hour`, then the configured ones, in their order.
    var limitPolicy: LimitPolicy {
        var windows: [RateWindow] = []
        if let requests = rateLimits.requestsPerMinute {
            windows.append(
                RateWindow(name: "minute", requests: requests, periodNs: 60 * .nsPerSecond))
        }
        if let requests = rateLimits.requestsPerHour {
            windows.append(
                RateWindow(name: "hour", requests: requests, periodNs: 3_600 * .nsPerSecond))
        }
        windows += rateLimits.windows.map {
            RateWindow(
                name: $0.name, requests: $0.requests, periodNs: $0.seconds * .nsPerSecond)
        }
        return LimitPolicy(
            windows: windows, cooldownMs: rateLimits.cooldownMs,
            backoffMultiplier: rateLimits.backoffMultiplier,
            deliveryBoundMs: rateLimits.deliveryBoundMs)
    }
}
