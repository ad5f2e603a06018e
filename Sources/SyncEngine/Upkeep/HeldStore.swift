package import EventLog
package import SyncCore

/// A store that is held, for whoever changes its files and not its records.
package struct HeldStore {
    package let log: EventLog
    package let engine: Engine
    private let apiIdentity: String
    private let stream: String
    let requester: Requester
    private let process: ([Input]) throws -> Void

    /// - Parameters:
    ///   - stream: the one that the store is declared to have, where it has none yet.
    ///   - process: tells the engine what came in; throws unless that is durable.
    package init(
        log: EventLog, engine: Engine, apiIdentity: String, stream: String, requester: Requester,
        process: @escaping ([Input]) throws -> Void
    ) {
        self.log = log
        self.engine = engine
        self.apiIdentity = apiIdentity
        self.stream = stream
        self.requester = requester
        self.process = process
    }

    /// Appends a fact, after what an engine begins with: what another process left is settled.
    func append(_ fact: Event, stream: StreamID) throws {
        try process(engine.startInputs(apiIdentity: apiIdentity, stream: self.stream))
        try process([.fact(fact, stream: stream)])
    }
}
