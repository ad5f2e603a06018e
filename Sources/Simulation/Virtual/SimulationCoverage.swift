/// What simulations came across, counted: a fault class that never occurs is not tested.
package struct SimulationCoverage: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case serverError, unavailable, unavailableWithRetryAfter, dropped, truncated, html, stalled
        case connectFailure, timeout
        /// A request reached the server after the client had given it up, or had crashed.
        case arrivalAfterTimeout, arrivalAfterCrash
        case limitedWithSeconds, limitedWithDate, limitedWithoutWait
        case poison, missing, parked, retriedByHand, splitBatch
        case crashBeforeCommit, crashInCommit, crashAfterCommit, crashBetweenEffects
        case crashAfterEffects, crashInRecovery, crashInCreation, crashAtOpening
        case crashInProjection
        case diskFailed, diskFull, mapGrown
        case projectionDeleted, projectionDamaged, projectionFailed, projectionRebuilt
        case reboot, wallStep, cancelled, diskFilled, changedRecord
        case pagingPage, pagingOffset, pagingIDAfter, withTotal, withoutTotal, withoutIncremental
        case answersTogether, abandonedRequest, abandonedPass, resumedRun
        case pausedByMax, pausedByDuration, pausedByPatience, failedRun, fixedWindows
    }

    private var counts = [UInt64](repeating: 0, count: Kind.allCases.count)

    package init() {}

    package subscript(kind: Kind) -> UInt64 {
        Kind.allCases.firstIndex(of: kind).map { counts[$0] } ?? 0
    }

    mutating func count(_ kind: Kind, _ times: Int = 1) {
        if let index = Kind.allCases.firstIndex(of: kind) { counts[index] += UInt64(times) }
    }

    package mutating func add(_ other: SimulationCoverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// What never occurred.
    package var missing: [Kind] { Kind.allCases.filter { self[$0] == 0 } }
}

extension SimulationCoverage: CustomStringConvertible {
    /// `serverError=12 unavailable=3 ...`
    package var description: String {
        Kind.allCases.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: " ")
    }
}
