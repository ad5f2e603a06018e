internal import EventLog
internal import LMDB
internal import SyncCore

/// Append and scan of the event log, in interleaved pairs with the raw C baseline.
struct LogBenchmarks {
    let scratch: Scratch
    let rounds: Int
    let events: Int

    private static let batch = 1_000

    /// Appends without waiting for the disk, then reads what was appended in three ways.
    func run(_ report: inout Report) throws {
        for bytes in [120, 300, 600] {
            let (event, stored) = Samples.event(bytes: bytes)
            var (ours, raw): ([Cost], [Cost]) = ([], [])
            var last: (log: EventLog, raw: RawBaseline)?
            for _ in 0..<rounds {
                last = nil
                let log = try openLog(isDurable: false)
                let base = try RawBaseline(folder: scratch.folder(), isDurable: false)
                raw.append(
                    try Cost.of { try base.append(events, bytes: stored, batch: Self.batch) })
                ours.append(try append(event, to: log, count: events))
                last = (log, base)
            }
            report.add("append \(stored) B", per: "event", count: events, ours, baseline: raw)
            if let last { try scan(last.log, last.raw, stored, &report) }
        }
    }

    /// Commits of 1,000 small events, each on the disk before the next begins.
    func runDurable(_ report: inout Report) throws {
        let (event, stored) = Samples.event(bytes: 120)
        let log = try openLog(isDurable: true)
        let base = try RawBaseline(folder: scratch.folder(), isDurable: true)
        var (ours, raw): ([Cost], [Cost]) = ([], [])
        for _ in 0..<(rounds * 6) {
            raw.append(
                try Cost.of { try base.append(Self.batch, bytes: stored, batch: Self.batch) })
            ours.append(try append(event, to: log, count: Self.batch))
        }
        report.add(
            "durable commit of \(Self.batch) x \(stored) B", per: "commit", count: 1, ours,
            baseline: raw)
    }

    private func openLog(isDurable: Bool) throws -> EventLog {
        let store = try scratch.folder()
        try EventLog.create(store: store, durability: isDurable ? .full : .none)
        return try EventLog.open(store: store, .write, durability: isDurable ? .full : .none)
    }

    /// Encodes, checksums, hashes, chains and appends; making the events is not counted.
    private func append(_ event: Event, to log: EventLog, count: Int) throws -> Cost {
        var tail = try log.snapshot().tail().position
        var cost = Cost()
        for _ in 0..<(count / Self.batch) {
            let first = tail.rawValue
            let batch = (1...UInt64(Self.batch)).map {
                Samples.logged(event, at: Position(first + $0))
            }
            cost =
                cost
                + (try Cost.of {
                    var writer = try log.beginWrite(after: tail)
                    try writer.append(batch)
                    try writer.commit()
                })
            tail = Position(first + UInt64(Self.batch))
        }
        return cost
    }

    private func scan(
        _ log: EventLog, _ base: RawBaseline, _ stored: Int, _ report: inout Report
    ) throws {
        var (headers, decoded, raw): ([Cost], [Cost], [Cost]) = ([], [], [])
        for _ in 0..<rounds {
            raw.append(try Cost.of { try expect(base.scan()) })
            headers.append(try Cost.of { try expect(countHeaders(log)) })
            decoded.append(try Cost.of { try expect(countEvents(log)) })
        }
        report.add(
            "scan \(stored) B, headers", per: "event", count: events, headers, baseline: raw)
        report.add(
            "scan \(stored) B, checked and decoded", per: "event", count: events, decoded,
            baseline: raw)
    }

    private func countHeaders(_ log: EventLog) throws -> Int {
        var count = 0
        try log.snapshot().forEachEntry(after: .none) { entry in
            count += entry.header.startsStep ? 1 : 0
            return true
        }
        return count
    }

    private func countEvents(_ log: EventLog) throws -> Int {
        var count = 0
        try log.snapshot().forEachEvent(after: .none) { event in
            count += event.startsStep ? 1 : 0
            return true
        }
        return count
    }

    private func expect(_ count: Int) throws {
        guard count == events else {
            throw BenchFailure("a scan found \(count) events of \(events)")
        }
    }
}
