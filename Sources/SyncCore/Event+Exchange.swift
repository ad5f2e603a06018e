extension Event {
    /// What the wire said to a request; `status` 0 when no response came.
    package var exchange: Exchange? {
        switch self {
        case .pageFetched(let event): event.exchange
        case .detailsFetched(let event): event.exchange
        case .healthChecked(let event): event.exchange
        case .rateLimited(let event): event.exchange
        case .requestFailed(let event): event.exchange
        default: nil
        }
    }

    /// The request that an event is the outcome of.
    package var answeredIntent: Position? {
        switch self {
        case .pageFetched(let event): event.intent
        case .detailsFetched(let event): event.intent
        case .healthChecked(let event): event.intent
        case .rateLimited(let event): event.intent
        case .requestFailed(let event): event.intent
        case .requestAbandoned(let event): event.intent
        default: nil
        }
    }

    /// The endpoint of the request that an event is about, where the event itself says it; for
    /// other outcomes it is that of `answeredIntent`.
    package var ownEndpoint: Endpoint? {
        switch self {
        case .requestIntended(let event): event.endpoint
        case .pageFetched: .list
        case .detailsFetched: .detail
        case .healthChecked: .health
        default: nil
        }
    }
}
