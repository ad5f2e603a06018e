import SyncCore
import SyncEngine

extension AlertSession {
    /// With what the channels have it is a minute at one look.
    private static let mostPingNs: Int64 = 15 * .nsPerSecond

    /// Tells the watchdog how a run ended, where one is configured; what goes wrong is said in a
    /// line.
    func pingWatchdog(_ outcome: RunOutcome) {
        let output = session.output
        guard let ping = session.configuration.alerts.ping else { return }
        let address: Configuration.Header.Value? =
            switch outcome {
            case .completed: ping.url
            case .failed, .partial: ping.failURL
            case .paused, .interrupted: nil
            }
        guard let address else { return }
        let problem: String?
        do {
            let address = try address.resolve()
            if takesSignals { Interruption.begin() }
            defer { if takesSignals { Signals.during(nil) } }
            let endNs = store.clock.read().bootNs + Self.mostPingNs
            problem =
                AlertTries(most: ping.attempts, timeoutMs: ping.timeoutMs, endNs: endNs).run {
                    AlertRequest(
                        address: address, allowPlainHTTP: ping.allowPlainHTTP, timeoutMs: $0
                    ).send("GET", [])
                }.problem
        } catch {
            problem = error.description
        }
        if let problem { output.warn("alerts.ping: \(problem)".withoutControls) }
    }
}
