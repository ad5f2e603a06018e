package import SyncCore

/// What simulations came across, counted: a fault class that never occurs is not tested.
package struct SimulationCoverage: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        // The server's faults, one after the other.
        case serverError, badGateway, unavailable, gatewayTimeout
        case dropped, truncated, stalled, stalledBody
        case html, cutBody, invalidJSON, notANumber, emptyBody, noContent, noRecords, recordsObject
        case missingID, nullID, floatID, oddID, repeatedRow, stranger, leftOut
        case unavailableWithRetryAfter
        case poison, poisonInTime, poisonInBody, missing, missingIsGone
        case updatedWhileListed, updatedWhileDetailed, updatedBetweenRuns
        case refusedToken, stoppedAsStranger, echoedToken
        // The network.
        case connectFailure, connectTimeout, timeout, timeoutInBody, latencySpike
        /// A request reached the server after the client had given it up, or had crashed.
        case arrivalAfterTimeout, arrivalAfterCrash
        // The limits.
        case limitedWithSeconds, limitedWithDate, limitedWithoutWait, limitedWithZero
        case limitedWithNegative, limitedWithPastDate, limitedWithGarbage, limitedWithHuge
        case limitedWithHugeDate, limitedWithoutServerDate
        case slidingWindows, fixedWindows, tokenBucket, stricterLimits, refusedCount
        case loweredLimits, raisedLimits, secondClient
        // What the configuration and the data are.
        case pagingPage, pagingOffset, pagingIDAfter, withTotal, withoutTotal, withoutIncremental
        case textIDs, mixedIDs, textIDsInDetails, idsAcross63Bits, realisticPace
        // The machine.
        case crashBeforeCommit, crashInCommit, crashAfterCommit, crashBetweenEffects
        case crashAfterEffects, crashInRecovery, crashInCreation, crashAtOpening
        case crashInProjection, crashByAnswer, diskFailed, diskFull, diskFailedAtCreation, mapGrown,
            diskFailedAtOpening, syncedCommit, powerLost, writesLost
        case projectionDeleted, projectionDamaged, projectionFailed, projectionRebuilt
        case reboot, lostTime, wallStep, suspend, bootClockDrift
        // Moments in UTC: nothing reads a local time, so its gaps and overlaps touch nothing.
        case yearChange, summerTimeChange, leapDay
        case cancelled, diskFilled
        // What people did between two runs.
        case healthAnswered, healthRefused, healthFailed, retriedByHand, droppedByHand
        // While one ran.
        case askedMeanwhile, doneMeanwhile, askedForHealth, askedToStop
        case limitsLowered, limitsRaised, refusedRun, passGivenUp, limitsForgotten, waitForgotten
        // What looks at the store for alerts found, and who was told of it.
        case alertFailed, alertPartial, alertParked, alertNoSuccess, alertRateLimited
        case alertExpensesMoved, alertReminded, alertSuperseded, alertToldAtLast
        case alertToldByAnother
        // What people did with the log's files.
        case compacted, compactionFinished, redactionDone, redactedInArchive, redactionRepeated
        case crashInCopying, crashInPublishing, crashInRemoving, crashInReplacing
        case crashInClearing, crashInRedacting, crashInArchive, crashInCleaning
        case powerLostInCompaction, powerLostInRedaction, foundUnfinished, upkeepFailed
        // What the runs did.
        case parked, parkedAsCrashing, splitBatch, changedRecord, answersTogether,
            abandonedRequest
        case abandonedPass, resumedRun
        case pausedByMax, pausedByDuration, pausedByPatience, failedRun
    }

    private var counts = [UInt64](repeating: 0, count: Kind.allCases.count)
    /// How many events of each kind were appended.
    private var events = [UInt64](repeating: 0, count: EventType.allCases.count)

    package init() {}

    package subscript(kind: Kind) -> UInt64 {
        Kind.allCases.firstIndex(of: kind).map { counts[$0] } ?? 0
    }

    mutating func count(_ kind: Kind, _ times: Int = 1) {
        if let index = Kind.allCases.firstIndex(of: kind) { counts[index] += UInt64(times) }
    }

    package subscript(type: EventType) -> UInt64 {
        EventType.allCases.firstIndex(of: type).map { events[$0] } ?? 0
    }

    mutating func count(_ type: EventType, _ times: Int = 1) {
        if let index = EventType.allCases.firstIndex(of: type) { events[index] += UInt64(times) }
    }

    package mutating func add(_ other: SimulationCoverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
        for index in events.indices { events[index] += other.events[index] }
    }

    /// The names of what never occurred, and of the events that were never appended.
    package var missing: [String] {
        Kind.allCases.filter { self[$0] == 0 }.map(\.rawValue)
            + EventType.allCases.filter { self[$0] == 0 }.map(\.name)
    }

    /// So many seeds meet every class, and append every kind of event: one that they don't has
    /// gone, or is as good as gone.
    package static let seedsForAll = 1_000
}

extension SimulationCoverage: CustomStringConvertible {
    /// `serverError=12 unavailable=3 ...`
    package var description: String {
        (Kind.allCases.map { "\($0.rawValue)=\(self[$0])" }
            + EventType.allCases.map { "\($0.name)=\(self[$0])" }).joined(separator: " ")
    }
}
