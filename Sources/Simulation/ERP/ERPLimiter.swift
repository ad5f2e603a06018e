/// Decides whether an arrival is within every limit, and if not, how long it must wait.
struct ERPLimiter: Sendable {
    enum Verdict: Equatable {
        case accepted
        /// An arrival after this many nanoseconds is accepted, if none comes in between.
        case refused(waitNs: Int64)
    }

    private let refusedCount: Bool
    private var windows: [Window]

    init(_ limits: [ERPLimit], refusedCount: Bool) {
        self.refusedCount = refusedCount
        windows = limits.map(Window.init)
    }

    /// Judges one arrival; `now` never goes back from call to call.
    mutating func admit(at now: Int64) -> Verdict {
        let accepted = windows.allSatisfy { $0.waitNs(at: now) == 0 }
        if accepted || refusedCount {
            for index in windows.indices { windows[index].count(at: now) }
        }
        if accepted { return .accepted }
        // Counting a refusal can close a window that was open before, so ask all of them after it.
        return .refused(waitNs: windows.reduce(0) { max($0, $1.waitNs(at: now)) })
    }

    /// From now on admits this share of each limit's requests, at least one and at most all.
    mutating func scale(to share: Double) {
        for index in windows.indices { windows[index].scale(to: share) }
    }
}

/// The arrivals that fill one limit.
private struct Window: Sendable {
    private let limit: ERPLimit
    /// The requests that it admits at this time.
    private var requests: Int
    /// Sliding: the last `limit.requests` arrivals, as a ring whose oldest is at `next`.
    private var times: [Int64] = []
    private var next = 0
    /// Fixed: the window that `used` counts.
    private var index = Int64.min
    private var used = 0
    /// Token bucket: when it will be full again.
    private var fullAt = Int64.min

    init(_ limit: ERPLimit) {
        self.limit = limit
        requests = limit.requests
    }

    mutating func scale(to share: Double) {
        requests = min(max(Int(Double(limit.requests) * share), 1), limit.requests)
    }

    /// How long from `now` until one more arrival fits; 0 when it fits already.
    func waitNs(at now: Int64) -> Int64 {
        switch limit.kind {
        case .sliding:
            guard times.count >= requests else { return 0 }
            let newest = next + limit.requests
            let isFull = times.count == limit.requests
            let time = times[isFull ? (newest - requests) % limit.requests : times.count - requests]
            return max(0, time + limit.windowNs - now)
        case .fixed(let phaseNs):
            let current = windowIndex(at: now, phaseNs: phaseNs)
            guard current == index, used >= requests else { return 0 }
            return (current + 1) * limit.windowNs + phaseNs - now
        case .tokenBucket:
            guard fullAt > now else { return 0 }
            return max(0, fullAt - now - Int64(requests - 1) * tokenNs)
        }
    }

    mutating func count(at now: Int64) {
        switch limit.kind {
        case .sliding:
            if times.count < limit.requests {
                times.append(now)
            } else {
                times[next] = now
                next = (next + 1) % limit.requests
            }
        case .fixed(let phaseNs):
            let current = windowIndex(at: now, phaseNs: phaseNs)
            used = current == index ? used + 1 : 1
            index = current
        case .tokenBucket:
            // Refused requests that count empty the bucket, but leave no debt.
            fullAt = min(max(fullAt, now) + tokenNs, now + Int64(requests) * tokenNs)
        }
    }

    /// How long a token takes to come, rounded in the client's favour.
    private var tokenNs: Int64 { limit.windowNs / Int64(requests) }

    private func windowIndex(at now: Int64, phaseNs: Int64) -> Int64 {
        let shifted = now - phaseNs
        let (quotient, remainder) = shifted.quotientAndRemainder(dividingBy: limit.windowNs)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
