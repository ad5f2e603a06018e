import EventLog
import SyncCore
import Testing

@Suite struct RedactionTests {
    private let coder = EventCoder()

    private func redacted(_ value: StoredValue, _ indexes: Set<Int>) throws -> StoredValue {
        var result = value
        try value.bytes.withUnsafeBytes { raw in
            try coder.redact(indexes, value.position, raw, into: &result.bytes)
        }
        return result
    }

    @Test func onlyTheNamedTextsGoAndTheIdentityStays() throws {
        let page = page(entries: 30, bodyBytes: 700)
        let stored = try StoredValue(logged(.pageFetched(page)))
        // In two steps, because the second has to keep what the first took out.
        let result = try redacted(try redacted(stored, [3, 29]), [0, 500])
        try result.verify(coder)
        #expect(try result.header().flags.contains(.redacted))
        #expect(
            result.bytes[EventHeader.identityRange] == stored.bytes[EventHeader.identityRange])
        let texts = try result.decode(coder).event.texts
        for (index, entry) in page.entries.enumerated() {
            let expected = [0, 3, 29].contains(index) ? [] : entry.body
            #expect(texts[index] == expected)
            let body = try result.bytes.withUnsafeBytes {
                try coder.body(at: index, position: result.position, value: $0)
            }
            #expect(body == Array(expected))
        }
    }

    @Test func nothingOfARedactedTextIsLeftInTheValue() throws {
        let secret = Array("a text that someone wants to be forgotten".utf8)
        let event = logged(
            .detailsFetched(
                DetailsFetched(
                    intent: Position(1), exchange: Exchange(status: 200),
                    results: [
                        DetailsFetched.Result(
                            ordinal: Ordinal(0), id: RecordID("1"), was: .pending,
                            outcome: .changed(
                                fingerprint: Fingerprint(high: 1, low: 2), body: secret[...]))
                    ])))
        let stored = try StoredValue(event)
        #expect(String(decoding: stored.bytes, as: UTF8.self).contains("forgotten"))
        let result = try redacted(stored, [0])
        #expect(!String(decoding: result.bytes, as: UTF8.self).contains("forgotten"))
        #expect(try result.decode(coder).event == event.event.withoutBodies)
        try result.verify(coder)
    }

    @Test func whereThereIsNothingToRedactTheValueStays() throws {
        for event in [
            logged(.pageFetched(page(entries: 2, bodyBytes: 50))),
            logged(.runStarted(RunStarted(mode: .full))),
        ] {
            let stored = try StoredValue(event)
            #expect(try redacted(stored, [7]).bytes == stored.bytes)
        }
    }

    @Test func aRedactedValueThatIsTamperedWithNeverTrapsOrVerifies() throws {
        let stored = try StoredValue(logged(.pageFetched(page(entries: 4, bodyBytes: 90))))
        let result = try redacted(stored, [1, 2])
        let original = try result.decode(coder)
        var generator = ValueGenerator(seed: 3)
        for index in EventHeader.byteCount..<result.bytes.count {
            for _ in 0..<8 {
                var changed = result
                changed.bytes[index] = UInt8(truncatingIfNeeded: generator.next())
                changed.reseal()
                let verified = try? changed.bytes.withUnsafeBytes {
                    try coder.verify(changed.position, $0)
                }
                if let verified { #expect(verified == original) }
            }
        }
    }
}
