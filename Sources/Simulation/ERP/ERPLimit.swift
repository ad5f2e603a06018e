/// A limit on requests in a window of time, as a server enforces it.
package struct ERPLimit: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// At most `requests` in any `windowNs`, wherever it is placed.
        case sliding
        /// At most `requests` between two multiples of `windowNs`, shifted by `phaseNs`.
        case fixed(phaseNs: Int64)
    }

    package let requests: Int
    package let windowNs: Int64
    package let kind: Kind

    /// `requests` and `seconds` are at least 1 and one millisecond; smaller ones are raised.
    package init(requests: Int, seconds: Double, kind: Kind = .sliding) {
        self.requests = max(1, requests)
        self.windowNs = max(1_000_000, Int64((seconds * 1e9).rounded()))
        self.kind = kind
    }

    package var seconds: Double { Double(windowNs) / 1e9 }
}

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
}

/// The arrivals that fill one limit.
private struct Window: Sendable {
    private let limit: ERPLimit
    /// Sliding: the last `limit.requests` arrivals, as a ring whose oldest is at `next`.
    private var times: [Int64] = []
    private var next = 0
    /// Fixed: the window that `used` counts.
    private var index = Int64.min
    private var used = 0

    init(_ limit: ERPLimit) { self.limit = limit }

    /// How long from `now` until one more arrival fits; 0 when it fits already.
    func waitNs(at now: Int64) -> Int64 {
        switch limit.kind {
        case .sliding:
            guard times.count == limit.requests else { return 0 }
            return max(0, times[next] + limit.windowNs - now)
        case .fixed(let phaseNs):
            let current = windowIndex(at: now, phaseNs: phaseNs)
            guard current == index, used >= limit.requests else { return 0 }
            return (current + 1) * limit.windowNs + phaseNs - now
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
        }
    }

    private func windowIndex(at now: Int64, phaseNs: Int64) -> Int64 {
        let shifted = now - phaseNs
        let (quotient, remainder) = shifted.quotientAndRemainder(dividingBy: limit.windowNs)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
