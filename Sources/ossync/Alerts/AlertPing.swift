import SyncCore

extension AlertSession {
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
            let request = AlertRequest(
                address: try address.resolve(), allowPlainHTTP: ping.allowPlainHTTP,
                timeoutMs: ping.timeoutMs)
            if takesSignals { Interruption.begin() }
            defer { if takesSignals { Signals.during(nil) } }
            problem = AlertChannel.tries(ping.attempts) { request.send("GET", []) }.problem
        } catch {
            problem = error.description
        }
        if let problem { output.warn("alerts.ping: \(problem)".withoutControls) }
    }
}
