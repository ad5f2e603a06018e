internal import EventLog
package import SyncCore

/// What one run did, over all its invocations.
package struct RunSummary: Sendable, Equatable {
    /// The position of its `RunRequested`.
    package let run: Position
    package let stream: StreamID
    package let mode: RunMode
    package let startedAt: LogTime
    /// The `RunRequested` of each invocation.
    package var requests: [Position]
    /// The last event of the run.
    package var last: Position
    package var lastAt: LogTime
    /// How the last invocation ended; nil while it is under way, or was cut off and nobody has
    /// found it yet.
    package var outcome: RunOutcome?
    package var reason: StopReason?
    package var text = ""
    package var counters = RunCounters()
    package var durationNs: Int64 = 0
    package var floorNs: Int64 = 0
    /// Waits after refusals and failures, and how long no request was allowed for them.
    package var waits: UInt64 = 0
    package var waitNs: Int64 = 0
    private var waitUntil = LogTime.zero
    /// When the last invocation began.
    private var begunAt: LogTime

    init(_ event: LoggedEvent, mode: RunMode) {
        run = event.run
        stream = event.stream
        self.mode = mode
        startedAt = event.time
        requests = [event.run]
        last = event.position
        lastAt = event.time
        begunAt = event.time
    }

    /// - Parameter invocation: the one under way before the event.
    mutating func take(_ event: LoggedEvent, _ invocation: InvocationState?) {
        // What found a process gone came later than it.
        let end = lastAt
        last = event.position
        lastAt = event.time
        switch event.event {
        case .runResumed:
            begunAt = event.time
            requests.append(event.run)
            outcome = nil
            reason = nil
            text = ""
        case .runCompleted(let completed):
            outcome = completed.outcome
            reason = completed.reason
            text = completed.text
            counters.add(completed.counters)
            durationNs = durationNs.saturatingAdd(completed.durationNs)
            floorNs = floorNs.saturatingAdd(completed.floorNs)
        case .runInterrupted:
            outcome = .interrupted
            reason = nil
            text = "the engine was gone"
            guard let invocation else { break }
            counters.add(invocation.counters)
            durationNs = durationNs.saturatingAdd(max(end.since(begunAt), 0))
            floorNs = floorNs.saturatingAdd(invocation.floor.floorNs)
        case .backoffApplied(let backoff):
            waits += 1
            let begin = max(event.time, waitUntil)
            waitNs = waitNs.saturatingAdd(max(backoff.until.since(begin), 0))
            waitUntil = max(waitUntil, backoff.until)
        default: break
        }
    }
}

extension RunSummary {
    var encoded: [UInt8] {
        var writer = FieldWriter()
        writer.unsigned(1, stream.rawValue)
        writer.unsigned(2, mode.rawValue)
        writer.signed(3, startedAt.rawValue)
        writer.nested(4) { for request in requests { $0.varint(request.rawValue) } }
        writer.unsigned(5, last.rawValue)
        writer.signed(6, lastAt.rawValue)
        writer.unsigned(7, outcome?.rawValue ?? 0)
        writer.unsigned(8, reason?.rawValue ?? 0)
        writer.string(9, text)
        writer.nested(10) { for count in counters.list { $0.varint(count) } }
        writer.signed(11, durationNs)
        writer.signed(12, floorNs)
        writer.unsigned(13, waits)
        writer.signed(14, waitNs)
        writer.signed(15, waitUntil.rawValue)
        writer.signed(16, begunAt.rawValue)
        return writer.bytes
    }

    init(_ run: Position, _ reader: inout FieldReader) throws(FieldError) {
        var values: [Int: UInt64] = [:]
        var times: [Int: Int64] = [:]
        var lists: [Int: [UInt64]] = [:]
        text = ""
        while let field = try reader.next() {
            switch field {
            case 4, 10:
                var list: [UInt64] = []
                var content = try reader.nested()
                while !content.isAtEnd { list.append(try content.varint()) }
                lists[field] = list
            case 1, 2, 5, 7, 8, 13: values[field] = try reader.unsigned()
            case 3, 6, 11, 12, 14, 15, 16: times[field] = try reader.signed()
            case 9: text = try reader.string()
            default: try reader.skip()
            }
        }
        guard let mode = RunMode(rawValue: UInt8(truncatingIfNeeded: values[2] ?? 0)) else {
            throw .newer("a mode of a run")
        }
        self.run = run
        self.mode = mode
        stream = StreamID(UInt16(truncatingIfNeeded: values[1] ?? 0))
        startedAt = LogTime(nanoseconds: times[3] ?? 0)
        requests = (lists[4] ?? []).map { Position($0) }
        last = Position(values[5] ?? 0)
        lastAt = LogTime(nanoseconds: times[6] ?? 0)
        outcome = RunOutcome(rawValue: UInt8(truncatingIfNeeded: values[7] ?? 0))
        reason = StopReason(rawValue: UInt8(truncatingIfNeeded: values[8] ?? 0))
        counters = RunCounters(list: lists[10] ?? [])
        durationNs = times[11] ?? 0
        floorNs = times[12] ?? 0
        waits = values[13] ?? 0
        waitNs = times[14] ?? 0
        waitUntil = LogTime(nanoseconds: times[15] ?? 0)
        begunAt = LogTime(nanoseconds: times[16] ?? 0)
    }
}

extension RunCounters {
    fileprivate static var paths: [WritableKeyPath<RunCounters, UInt64>] {
        [
            \.listRequests, \.detailRequests, \.otherRequests, \.seen, \.new, \.changed,
            \.unchanged, \.detailed, \.failed, \.deleted, \.rateLimited,
        ]
    }

    fileprivate var list: [UInt64] { Self.paths.map { self[keyPath: $0] } }

    fileprivate init(list: [UInt64]) {
        self.init()
        for (path, count) in zip(Self.paths, list) { self[keyPath: path] = count }
    }
}
