import EventLog
import LMDB
import StoreTestSupport
import SyncCore
import TestSupport
import Testing

@testable import Projections

extension HistoryProjection {
    /// So small that a short log has many segments.
    static var small: HistoryProjection { small(border: nil) }

    static func small(border: Position?) -> HistoryProjection {
        var sizes = Sizes()
        sizes.zoneEvents = 8
        sizes.segmentEvents = 32
        sizes.segmentRecords = 100
        return HistoryProjection(sizes, border: border)
    }
}

extension StoreDriver {
    func history(_ projection: HistoryProjection = .small) throws -> HistoryProjector {
        try HistoryProjector(projection, folder: projections, log: log)
    }

    /// Syncs with all kinds of events: new and changed records, failures, refusals, a crash.
    func makeHistory() throws {
        var api = FakeAPI(1...40)
        api.poison = [7, 23]
        try sync(.full, api)
        for id in [3, 9, 31] { api.headers[id] = 2 }
        api.details[9] = 2
        api.missing = [31]
        for id in 41...55 { api.add(id) }
        try request(.full)
        try finish(with: api, steps: 6)
        if let intent = wire.first { try answer(intent, .limited(waitMs: 5_000)) }
        // The engine is gone, and the next one finds its run open.
        wire.removeAll()
        try feed(
            .clockAnchored(
                ClockAnchored(bootID: "boot-1", bootNs: 1, wall: now, isEngineStart: true)))
        try sync(.resume, api)
        let other = StreamID(2)
        try feed(.streamDeclared(StreamDeclared(stream: other, name: "orders")))
        try request(.full, stream: other)
        try finish(with: FakeAPI(1...12))
        try sync(.incremental, api)
        try request(.resume)
        try finish(with: api)
    }
}

/// What a history should say, from all events in memory.
struct PlainHistory {
    let events: [LoggedEvent]

    func control(at position: Position) -> ControlState {
        var control = ControlState()
        for event in events where event.position <= position { apply(event, to: &control) }
        return control
    }

    func changes(of ordinal: Ordinal, in stream: StreamID) -> [Position] {
        events.filter { event in
            var isTouched = false
            event.event.forEachTouchedRow { touched, _ in
                if touched == ordinal { isTouched = true }
            }
            return isTouched && event.stream == stream
        }.map(\.position)
    }

    func sightings(of ordinal: Ordinal, in stream: StreamID) -> [Position] {
        events.filter { event in
            guard case .pageFetched(let page) = event.event, event.stream == stream else {
                return false
            }
            return page.unchanged.contains { $0.range.contains(ordinal.rawValue) }
        }.map(\.position)
    }

    func row(of ordinal: Ordinal, in stream: StreamID, at position: Position) -> RecordRow? {
        var row: RecordRow?
        for event in events where event.position <= position && event.stream == stream {
            event.event.forEachTouchedRow { touched, touch in
                guard touched == ordinal else { return }
                row = applyRow(row, touch, position: event.position, time: event.time)
            }
        }
        return row
    }

    func endpoint(_ event: LoggedEvent) -> Endpoint? {
        event.event.ownEndpoint
            ?? event.event.answeredIntent.flatMap {
                events[Int($0.rawValue) - 1].event.ownEndpoint
            }
    }
}
