internal import SyncCore
internal import SyncEngine

/// The machine's clocks.
extension VirtualMachine {
    /// Lets the time between two invocations go by.
    func rest(mostMs: Int) {
        pass(Int64(generator.below(mostMs + 1)) * .nsPerMs)
    }

    /// Lets time go by in which no engine runs; what is on the wire arrives.
    func pass(_ ns: Int64) {
        clock.advance(toNs: clock.nowNs.saturatingAdd(max(ns, 0)))
        _ = wire.deliver(erp)
    }

    /// Lets everything arrive that is on the wire.
    func quiet() {
        while let next = wire.nextNs { pass(next - clock.nowNs) }
    }

    /// Puts the machine to sleep until the time that is returned: the boot clock goes on, and all
    /// timers are late.
    func suspend() -> Int64 {
        suspendsLeft -= 1
        coverage.count(.suspend)
        let end = clock.nowNs + Int64(1 + generator.below(plan.suspendMs)) * .nsPerMs
        wire.sleep(untilNs: end)
        return end
    }

    /// Judges what the engine waits for by the events that have come durable.
    ///
    /// - Parameter engine: nil where the process that decided on them is dead.
    func judgeWaits(_ engine: Engine?, _ effects: [Effect] = []) throws {
        var violations = Violations()
        let onlyRetries = engine?.control.streams.first?.counts.pending ?? 0 == 0
        for event in unjudged {
            checkTime(event, &violations)
            waits.take(event, nowNs: steppedNs, &violations)
            alerts.take(event, &coverage, &violations)
            if case .runStopping(let stopping) = event.event, let time = stopping.resumeAt {
                let time = steppedNs.saturatingAdd(waits.trueNs(time.since(event.time)))
                waits.check(
                    waitUntil: time, nowNs: steppedNs, onlyRetries: onlyRetries || engine == nil,
                    &violations)
            }
        }
        if !unjudged.isEmpty { isUnanchored = false }
        unjudged = []
        if let engine {
            for case .wake(let time) in effects {
                waits.check(
                    waitUntil: clock.trueTime(atBootNs: engine.control.bootNs(at: time)),
                    nowNs: steppedNs, onlyRetries: onlyRetries, &violations)
            }
        }
        if !violations.found.isEmpty { throw SimulationFailure(plan, violations.found) }
    }

    /// A step is dated by the wall clock: where that has moved away from the last anchor, another
    /// one comes first.
    private func checkTime(_ event: LoggedEvent, _ violations: inout Violations) {
        let apart = event.time.since(steppedWall)
        violations.expect(
            abs(apart) <= ClockAnchored.slackNs, 4,
            "the event at \(event.position.rawValue) is dated \(apart) ns off the wall clock")
    }

    /// What was not synced is gone, or is there in part.
    private func losePower() {
        guard plan.isSynced, let disk else { return }
        var seeds = SeededGenerator(plan.seed, 0x0556, UInt64(crashes.passed))
        let lost = disk.losePower(seeds.next())
        coverage.count(.powerLost)
        if lost > 0 { coverage.count(.writesLost, lost) }
    }

    func reboot() {
        coverage.count(.reboot)
        losePower()
        // Virtual machines are up again in no time.
        let uptimeMs = generator.below(plan.isStorm || generator.below(2) == 0 ? 200 : 5_000)
        let downMs = generator.below(plan.isStorm || generator.below(2) == 0 ? 200 : 5_000)
        pass(Int64(uptimeMs + downMs) * .nsPerMs)
        clock.reboot(uptimeNs: Int64(uptimeMs) * .nsPerMs)
        if plan.losesTime, clock.loseTime() { coverage.count(.lostTime) }
    }

    /// Whether the wall clock is further ahead of an anchor than is let pass.
    private func isWallAhead(of anchor: ClockAnchored?) -> Bool {
        let now = clock.read()
        guard let anchor else { return false }
        return now.wall.since(anchor.time(atBootNs: now.bootNs)) > ClockAnchored.slackNs
    }

    /// Sets the wall clock when its time has come.
    ///
    /// Only in a boot that has an anchor: one that jumps forward across a reboot is more than the
    /// limiter can know.
    func stepWall(_ anchor: ClockAnchored?) {
        if clock.isLost, anchor?.bootID == clock.read().bootID, generator.below(20) == 0 {
            clock.findTime()
            isUnanchored = isWallAhead(of: anchor)
        }
        guard wallStepLeftNs != 0, stepCount >= plan.wallStepAt,
            anchor?.bootID == clock.read().bootID
        else { return }
        clock.stepWall(byNs: wallStepLeftNs)
        wallStepLeftNs = 0
        coverage.count(.wallStep)
        isUnanchored = isWallAhead(of: anchor)
    }
}
