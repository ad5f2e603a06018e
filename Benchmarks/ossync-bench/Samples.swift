internal import EventLog
internal import Records
internal import SyncCore

/// Events and records to measure with; the same in every run, with texts that compress no better
/// than real ones.
enum Samples {
    private static let alphabet = Array(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .".utf8)

    static func text(_ count: Int, _ generator: inout SeededGenerator) -> String {
        let bytes = (0..<count).map { _ in alphabet[Int(generator.next() % 64)] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A small event whose stored value has about so many bytes, header included.
    static func event(bytes: Int) -> (event: Event, stored: Int) {
        var generator = SeededGenerator(seed: UInt64(bytes))
        let coder = EventCoder()
        var value: [UInt8] = []
        var event = Event.storeBound(StoreBound(apiIdentity: ""))
        var length = max(bytes - EventHeader.byteCount - 3, 0)
        repeat {
            event = .storeBound(StoreBound(apiIdentity: text(length, &generator)))
            guard (try? coder.encode(logged(event, at: Position(1)), into: &value)) != nil else {
                break
            }
            length += max(bytes - value.count, 1)
        } while value.count < bytes
        return (event, value.count)
    }

    static func logged(_ event: Event, at position: Position) -> LoggedEvent {
        LoggedEvent(
            position: position, time: LogTime(nanoseconds: Int64(position.rawValue)),
            stream: StreamID(1), run: Position(1), cause: Position(1), startsStep: true,
            event: event)
    }

    /// A record's header as an API lists it: some 540 bytes.
    static func header(_ id: Int) -> String {
        var generator = SeededGenerator(seed: UInt64(id))
        return """
            {"id":\(id),"number":"OS-\(id)","version":1,"customer":{"id":\(id % 997),"name":\
            "\(text(24, &generator))"},"status":"in_progress","priority":\(id % 5),"opened_at":\
            "2026-03-04T05:06:07Z","updated_at":"2026-03-05T05:06:07Z","technician":\
            "\(text(20, &generator))","site":{"street":"\(text(30, &generator))","city":\
            "\(text(12, &generator))"},"equipment":"\(text(40, &generator))","subject":\
            "\(text(120, &generator))","tags":["maintenance","on-site","contract"]}
            """
    }

    /// A record's detail: some 1,800 bytes, with expense lines.
    static func detail(_ id: Int) -> String {
        var generator = SeededGenerator(seed: UInt64(id) &+ 1 << 40)
        let expenses = (0..<6).map { line in
            """
            {"line":\(line),"description":"\(text(60, &generator))","amount":\(id % 900).\
            \(10 + line),"currency":"BRL"}
            """
        }
        return header(id).dropLast() + """
            ,"description":"\(text(480, &generator))","expenses":\
            [\(expenses.joined(separator: ","))]}
            """
    }

    /// A list answer of records from an identity on.
    static func page(from first: Int, count: Int, of make: (Int) -> String) -> [UInt8] {
        let records = (first..<(first + count)).map(make).joined(separator: ",")
        return Array("{\"data\":[\(records)],\"total\":\(count)}".utf8)
    }

    static func slicer() throws(RecordsError) -> RecordSlicer {
        RecordSlicer(
            records: try JSONPointer("/data"), id: try JSONPointer("/id"),
            total: try JSONPointer("/total"), fingerprinter: try Fingerprinter())
    }
}
