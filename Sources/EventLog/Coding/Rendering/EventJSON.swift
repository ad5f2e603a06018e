package import SyncCore

/// Renders events as the JSON that `log show` prints: one object an event.
///
/// `{"v":1,"type":"event","position":1,"time":"...","event":"PageFetched","schema":1,"run":"r4",
/// "cause":0,"stream":"os","data":{...}}`. Fields may be added, never renamed.
package struct EventJSON: Sendable {
    /// Whether the texts of records are embedded, as the API sent them.
    package var includeBodies: Bool
    /// What streams are called; one that is not named is shown by its number.
    package var streamNames: [StreamID: String]

    package init(includeBodies: Bool = false, streamNames: [StreamID: String] = [:]) {
        self.includeBodies = includeBodies
        self.streamNames = streamNames
    }

    /// Writes one event.
    ///
    /// - Parameters:
    ///   - event: decoded with all its texts, because their sizes are shown.
    ///   - schema: the version that it is stored in; nil for one that this program would write.
    package func write(
        _ event: LoggedEvent, schema: UInt16? = nil, to writer: inout JSONWriter
    ) {
        writer.object { json in
            json.member("v", 1)
            json.member("type", "event")
            json.member("position", event.position.rawValue)
            json.member("time", event.time)
            json.member("event", event.event.type.name)
            json.member("schema", schema ?? event.event.type.schemaVersion)
            json.member("run", event.run.runText)
            json.member("cause", event.cause.rawValue)
            json.member("stream", streamText(event.stream))
            json.object("data") { writeData(event.event, to: &$0) }
        }
    }

    func streamText(_ stream: StreamID) -> String? {
        guard stream != .none else { return nil }
        return streamNames[stream] ?? String(stream.rawValue)
    }

    private func writeData(_ event: Event, to json: inout JSONWriter) {
        switch event {
        case .storeBound(let event): json.member("apiIdentity", event.apiIdentity)
        case .streamDeclared(let event):
            json.member("number", event.stream.rawValue)
            json.member("name", event.name)
        case .clockAnchored(let event): event.write(to: &json)
        case .storageMeasured(let event):
            json.member("freeBytes", event.freeBytes)
            json.member("inFlightAllowed", event.inFlightAllowed)
        case .runRequested(let event): event.write(to: &json)
        case .runStarted(let event): json.member("mode", event.mode.name)
        case .runResumed(let event):
            json.member("resumedRun", event.run.runText)
            json.member("mode", event.mode.name)
        case .runStopping(let event): event.write(to: &json)
        case .runCompleted(let event): event.write(to: &json)
        case .runInterrupted(let event):
            json.member("invocation", event.invocation.rawValue)
        case .limitLearned(let event): event.write(to: &json)
        case .limitsForgotten(let event):
            json.array("windows") { list in
                for window in event.windows { list.string(window) }
            }
            json.member("endsWait", event.endsWait)
        case .redacted(let event): event.write(to: &json)
        case .logCompacted(let event): event.write(to: &json)
        case .dictionaryTrained(let event): event.write(to: &json)
        case .alertsEvaluated(let event): event.write(to: &json)
        case .alertRaised(let event): event.write(to: &json)
        case .alertRecovered(let event): event.write(to: &json)
        case .alertDelivered(let event): event.write(to: &json)
        case .cancelRequested(let event):
            json.member("signal", event.signal.name)
            if let requester = event.requester {
                json.object("requester") { requester.write(to: &$0) }
            }
        case .passOpened(let event): event.write(to: &json)
        case .passAbandoned(let event): json.member("pass", event.number)
        case .passCompleted(let event): event.write(to: &json)
        case .pageFetched(let event): write(event, to: &json)
        case .requestIntended(let event): event.write(to: &json)
        case .detailsFetched(let event): write(event, to: &json)
        case .healthRequested(let event):
            json.object("requester") { event.requester.write(to: &$0) }
        case .healthChecked(let event):
            json.member("intent", event.intent.rawValue)
            event.exchange.write(to: &json)
        case .rateLimited(let event): event.write(to: &json)
        case .requestFailed(let event): event.write(to: &json)
        case .requestAbandoned(let event):
            json.member("intent", event.intent.rawValue)
            json.array("ordinals") { list in
                for item in event.ordinals { list.number(item.rawValue) }
            }
        case .backoffApplied(let event): event.write(to: &json)
        case .detailsRequeued(let event): event.write(to: &json)
        case .recordParked(let event): event.write(to: &json)
        case .queueRetried(let event):
            json.array("records") { list in
                for item in event.records { item.write(to: &list) }
            }
            json.object("requester") { event.requester.write(to: &$0) }
        case .queueDropped(let event):
            json.array("records") { list in
                for item in event.records { item.write(to: &list) }
            }
            json.object("requester") { event.requester.write(to: &$0) }
        }
    }
}

extension Position {
    /// How people name a run, for example `r4`; nil outside of runs.
    package var runText: String? { self == .none ? nil : "r\(rawValue)" }
}
