import EventLog
import Glibc
import SyncCore
import Testing

/// The bytes of every format, as they were when it was settled: a store that exists has to be read
/// by every later version.
///
/// `OSSYNC_RECORD=1 swift test --filter GoldenTests` writes the file anew; do that only for what is
/// new in it.
@Suite(.serialized) struct GoldenTests {
    private static let path = #filePath.replacingSuffix(
        "GoldenTests.swift", by: "Fixtures/golden.txt")

    /// A value of each kind, under its name.
    private static func current() throws -> [(name: String, bytes: [UInt8])] {
        var values: [(String, [UInt8])] = []
        for (name, event) in samples { values.append((name, try StoredValue(event).bytes)) }
        values.append(("ControlState", ControlStateCoder.encode(sampleControl())))
        values.append(
            ("ControlState-restored", ControlStateCoder.encode(sampleControl(restoredNs: 4_711))))
        values.append(("ControlState-alerts", ControlStateCoder.encode(watchedControl())))
        values.append(("RecordRow", RecordRowCoder.encode(sampleRow(), of: StreamID(3))))
        return values
    }

    private static var samples: [(name: String, event: LoggedEvent)] {
        var samples = EventType.allCases.map { type in
            var generator = ValueGenerator(seed: 0x0551_0000 + UInt64(type.rawValue))
            generator.drawsLater = false
            return (type.name, generator.loggedEvent(type))
        }
        // So small that nothing of them is compressed, and every byte can be compared.
        let runs = [
            OrdinalRun(first: Ordinal(7), count: 900), OrdinalRun(first: Ordinal(2), count: 1),
        ]
        let page = page(entries: 2, bodyBytes: 30, unchanged: runs)
        samples.append(("PageFetched-small", logged(.pageFetched(page))))
        let results: [DetailsFetched.Outcome] = [
            .changed(fingerprint: page.entries[0].fingerprint, body: page.entries[0].body),
            .same, .absent, .failed(RecordError(code: "http-500", text: "no")),
            .changed(fingerprint: page.entries[1].fingerprint, body: page.entries[1].body),
        ]
        let details = DetailsFetched(
            intent: Position(8), exchange: page.exchange,
            results: results.enumerated().map { index, outcome in
                DetailsFetched.Result(
                    ordinal: Ordinal(UInt32(index)), id: RecordID(String(index)), was: .pending,
                    outcome: outcome)
            })
        samples.append(("DetailsFetched-small", logged(.detailsFetched(details))))
        let anchor = ClockAnchored(
            bootID: "boot", bootNs: 7, wall: LogTime(nanoseconds: 9), isEngineStart: true,
            isRestored: true)
        samples.append(("ClockAnchored-restored", logged(.clockAnchored(anchor))))
        let asked = QueueRetried(
            records: [QueuedRecord(ordinal: Ordinal(7), id: RecordID("8"), was: .parked)],
            requester: Requester(pid: 1, host: "host", user: "user", request: .max))
        samples.append(("QueueRetried-asked", logged(.queueRetried(asked))))
        let cancel = CancelRequested(signal: .sigterm, requester: asked.requester)
        samples.append(("CancelRequested-asked", logged(.cancelRequested(cancel))))
        var generator = ValueGenerator(seed: 0x0554_0000)
        let run = RunRequested(
            mode: .incremental, options: generator.options(), policy: generator.policy(), seed: 7,
            requester: asked.requester, schedule: "nightly")
        samples.append(("RunRequested-scheduled", logged(.runRequested(run))))
        return samples
    }

    /// - Parameter restoredNs: none in what the first versions wrote.
    private static func sampleControl(restoredNs: Int64? = nil) -> ControlState {
        var generator = ValueGenerator(seed: 0x0552_0000)
        var control = generator.controlState()
        control.limiter.restoredNs = restoredNs
        for index in control.streams.indices { control.streams[index].alerts = nil }
        return control
    }

    private static func watchedControl() -> ControlState {
        var generator = ValueGenerator(seed: 0x0554_0000)
        var control = ControlState()
        var stream = StreamState(id: StreamID(1), name: "os")
        stream.alerts = generator.alertState()
        control.streams = [stream]
        return control
    }

    private static func sampleRow() -> RecordRow {
        var generator = ValueGenerator(seed: 0x0553_0000)
        return generator.recordRow()
    }

    @Test func theBytesOfEveryFormatStayAsTheyWere() throws {
        let current = try Self.current()
        if getenv("OSSYNC_RECORD") != nil {
            try write(current.map { "\($0.name) \(hex($0.bytes))\n" }.joined())
        }
        let recorded = try read()
        #expect(recorded.count == current.count)
        for value in current {
            let old = try #require(recorded[value.name])
            // What zstd makes of the same bytes differs between its versions; the identity header
            // has the hash of what was compressed.
            let flags = EventHeader.Flags(rawValue: value.bytes[9])
            let isCompressed =
                value.name == "PageFetched"
                || EventType.allCases.contains { $0.name == value.name }
                    && flags.contains(.metaCompressed)
            let range = isCompressed ? EventHeader.identityRange : 0..<value.bytes.count
            guard old.count >= range.upperBound else {
                Issue.record("\(value.name) is coded in another way")
                continue
            }
            #expect(
                old[range] == value.bytes[range],
                "\(value.name) is coded in another way")
            #expect(isCompressed || old.count == value.bytes.count)
        }
    }

    @Test func theRecordedBytesStillReadAsTheyDid() throws {
        let recorded = try read()
        for (name, event) in Self.samples {
            var value = try StoredValue(event)
            value.bytes = try #require(recorded[name])
            #expect(try value.decode() == event)
            try value.verify()
        }
        let control = try #require(recorded["ControlState"])
        #expect(try ControlStateCoder.decode(control) == Self.sampleControl())
        let row = try #require(recorded["RecordRow"])
        let decoded = try row.withUnsafeBytes {
            try RecordRowCoder.decode(StreamID(3), Self.sampleRow().ordinal, $0)
        }
        #expect(decoded == Self.sampleRow())
    }

    // MARK: The file

    private struct FixtureError: Error {
        let path: String
        let problem: String
    }

    private func hex(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hexadecimal($0) } }

    private func write(_ text: String) throws {
        guard let file = fopen(Self.path, "w") else {
            throw FixtureError(path: Self.path, problem: "can't be written")
        }
        defer { fclose(file) }
        fputs(text, file)
    }

    private func read() throws -> [String: [UInt8]] {
        guard let file = fopen(Self.path, "r") else {
            throw FixtureError(path: Self.path, problem: "can't be read")
        }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            text += buffer[..<count]
        }
        var values: [String: [UInt8]] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: " "))
            guard parts.count == 2 else {
                throw FixtureError(path: Self.path, problem: "a line without a name")
            }
            values[String(decoding: parts[0], as: UTF8.self)] = bytes(ofHex: Array(parts[1]))
        }
        return values
    }

    private func bytes(ofHex digits: [UInt8]) -> [UInt8] {
        stride(from: 0, to: digits.count - 1, by: 2).map { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
        }
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, by other: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + other : self
    }
}
