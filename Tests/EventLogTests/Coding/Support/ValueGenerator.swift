import SyncCore
import TestSupport

/// Seeded random values of everything that is stored: the same seed gives the same values.
struct ValueGenerator: RandomNumberGenerator {
    private var generator: SeededGenerator
    /// Whether requesters may have asked another process: none of those of the first versions has.
    var drawsLater = true

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    // MARK: Simple values

    mutating func bool() -> Bool { next() & 1 == 0 }

    mutating func below(_ bound: Int) -> Int { generator.below(bound) }

    /// Of any size: small numbers, and now and then 0 and the largest.
    mutating func unsigned<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type = Value.self
    ) -> Value {
        switch below(8) {
        case 0: 0
        case 1: .max
        default: Value(truncatingIfNeeded: next() >> UInt64(below(64)))
        }
    }

    mutating func signed() -> Int64 {
        switch below(8) {
        case 0: .min
        case 1: .max
        default: Int64(bitPattern: next()) >> Int64(below(64))
        }
    }

    mutating func int() -> Int { Int(signed()) }

    mutating func double() -> Double {
        switch below(4) {
        case 0: 0
        case 1: .greatestFiniteMagnitude
        default: Double(signed()) / 3
        }
    }

    mutating func optional<Value>(_ value: (inout ValueGenerator) -> Value) -> Value? {
        bool() ? value(&self) : nil
    }

    mutating func list<Value>(
        atMost count: Int = 4, _ value: (inout ValueGenerator) -> Value
    ) -> [Value] {
        (0..<below(count + 1)).map { _ in value(&self) }
    }

    mutating func choice<Value: CaseIterable>(_ type: Value.Type = Value.self) -> Value
    where Value.AllCases == [Value] {
        Value.allCases[below(Value.allCases.count)]
    }

    mutating func text() -> String {
        let samples = [
            "", "a", "nome do cliente", "ação", "\u{0}\u{1}\n\"\\", "日本語", "e\u{301}", "👩‍👩‍👧",
            String(repeating: "x", count: 127), String(repeating: "y", count: 128),
            String(repeating: "z", count: 300),
        ]
        return samples[below(samples.count)] + (bool() ? String(next()) : "")
    }

    mutating func bytes(atMost count: Int) -> [UInt8] {
        let length = below(count + 1)
        // Repetitive, so that compression has something to do.
        let alphabet = 1 + below(40)
        return (0..<length).map { _ in UInt8(truncatingIfNeeded: below(alphabet) + 32) }
    }

    mutating func body() -> ArraySlice<UInt8> {
        switch below(12) {
        case 0: []
        case 1: bytes(atMost: 5_000)[...]
        default: bytes(atMost: 300)[...]
        }
    }

    // MARK: Identifiers

    mutating func position() -> Position { Position(unsigned()) }
    mutating func ordinal() -> Ordinal { Ordinal(unsigned()) }
    mutating func id() -> RecordID { RecordID(bool() ? String(next() >> 40) : text()) }
    mutating func time() -> LogTime { LogTime(nanoseconds: signed()) }
    mutating func stream() -> StreamID { StreamID(unsigned()) }

    mutating func fingerprint() -> Fingerprint { Fingerprint(high: next(), low: next()) }

    /// A field that the first versions had not.
    mutating func later<Value>(_ draw: (inout ValueGenerator) -> Value) -> Value? {
        drawsLater && bool() ? draw(&self) : nil
    }

    mutating func requester() -> Requester {
        let (pid, host, user): (UInt32, String, String) = (unsigned(), text(), text())
        let request = later { $0.next() }
        return Requester(pid: pid, host: host, user: user, request: request)
    }

    mutating func recordError() -> RecordError { RecordError(code: text(), text: text()) }

    mutating func queuedRecord() -> QueuedRecord {
        QueuedRecord(ordinal: ordinal(), id: id(), was: choice())
    }

    mutating func exchange() -> Exchange {
        Exchange(
            status: unsigned(), latencyUs: unsigned(), bodyBytes: unsigned(),
            headers: list { Exchange.HeaderField(name: $0.text(), value: $0.text()) })
    }

    mutating func cursor() -> PageCursor {
        PageCursor(bytes: bytes(atMost: 40), display: text())
    }

    mutating func filter() -> ListFilter { bool() ? .all : .idAfter(id()) }

    // MARK: Policy

    mutating func policy() -> Policy {
        Policy(
            limits: LimitPolicy(
                windows: list {
                    RateWindow(name: $0.text(), requests: $0.int(), periodNs: $0.signed())
                }, cooldownMs: signed(), backoffMultiplier: double(),
                deliveryBoundMs: signed()),
            paging: choice(), pageSize: int(), order: choice(), incremental: choice(),
            idOrder: optional { $0.choice() },
            detail: optional { DetailPolicy(batch: $0.int(), concurrency: $0.int()) },
            retry: RetryPolicy(
                attempts: int(), baseMs: signed(), multiplier: double(), maxMs: signed()),
            pinned: list { $0.pinnedKey() })
    }

    mutating func pinnedKey() -> PinnedKey { PinnedKey(key: text(), value: text()) }

    mutating func options() -> RunOptions {
        RunOptions(
            noDetails: bool(), maxRecords: optional { $0.unsigned() },
            maxDurationMs: optional { $0.signed() }, patienceMs: signed(), abandon: bool(),
            forgetLimits: bool())
    }

    mutating func counters() -> RunCounters {
        var counters = RunCounters()
        counters.listRequests = unsigned()
        counters.detailRequests = unsigned()
        counters.otherRequests = unsigned()
        counters.seen = unsigned()
        counters.new = unsigned()
        counters.changed = unsigned()
        counters.unchanged = unsigned()
        counters.detailed = unsigned()
        counters.failed = unsigned()
        counters.deleted = unsigned()
        counters.rateLimited = unsigned()
        return counters
    }
}
