import EventLog
import SyncCore
import Testing

@Suite struct EventCoderTests {
    @Test(arguments: EventType.allCases)
    func everyKindOfEventComesBackAsItWas(type: EventType) throws {
        let coder = EventCoder()
        for seed in 0..<150 {
            var generator = ValueGenerator(seed: UInt64(type.rawValue) << 32 | UInt64(seed))
            let event = generator.loggedEvent(type)
            let stored = try StoredValue(event, coder)
            #expect(try stored.decode(coder) == event)
            #expect(try stored.decode(coder, bodies: .none).event == event.event.withoutBodies)
            try stored.verify(coder)
            let header = try stored.header()
            #expect(header.type == type)
            #expect(header.time == event.time)
            #expect(header.run == event.run)
            #expect(header.cause == event.cause)
            #expect(header.stream == event.stream)
            #expect(header.startsStep == event.startsStep)
        }
    }

    @Test func aReusedBufferHoldsNothingOfTheEventBefore() throws {
        let coder = EventCoder()
        var buffer: [UInt8] = []
        try coder.encode(logged(.pageFetched(page(entries: 50, bodyBytes: 500))), into: &buffer)
        let small = logged(.runStarted(RunStarted(mode: .full)))
        try coder.encode(small, into: &buffer)
        #expect(buffer == (try StoredValue(small)).bytes)
    }

    @Test func aPageOfUnchangedRecordsCostsAFewBytes() throws {
        let run = OrdinalRun(first: Ordinal(70_000), count: 1_000)
        let stored = try StoredValue(
            logged(.pageFetched(page(entries: 0, bodyBytes: 0, unchanged: [run]))))
        #expect(stored.bytes.count < EventHeader.byteCount + 80)
    }

    @Test func textsLieInBlocksOfWholeRecords() throws {
        // 40 records of 30,000 bytes are five blocks; one that is larger has a block of its own.
        let small = page(entries: 40, bodyBytes: 30_000)
        let large = page(entries: 3, bodyBytes: CodingLimits.blockTarget + 1)
        let coder = EventCoder()
        for page in [small, large] {
            let event = logged(.pageFetched(page))
            let stored = try StoredValue(event, coder)
            #expect(stored.bytes.count < 400_000)
            #expect(try stored.decode(coder) == event)
            for index in page.entries.indices {
                let body = try stored.bytes.withUnsafeBytes {
                    try coder.body(at: index, position: stored.position, value: $0)
                }
                #expect(body == Array(page.entries[index].body))
            }
        }
    }

    @Test func oneTextIsFoundWithoutTheOthers() throws {
        let coder = EventCoder()
        for seed in 0..<60 {
            var generator = ValueGenerator(seed: UInt64(seed))
            let event = generator.loggedEvent(seed % 2 == 0 ? .pageFetched : .detailsFetched)
            let stored = try StoredValue(event, coder)
            let texts = event.event.texts
            try stored.bytes.withUnsafeBytes { raw in
                let lengths = try coder.bodyLengths(stored.position, raw)
                #expect(lengths == texts.map(\.count))
                for (index, text) in texts.enumerated() {
                    let body = try coder.body(at: index, position: stored.position, value: raw)
                    #expect(body == Array(text))
                }
                for index in [-1, texts.count] {
                    let body = try coder.body(at: index, position: stored.position, value: raw)
                    #expect(body == nil)
                }
            }
        }
    }

    @Test func aTextOverTheLimitIsRefusedByName() throws {
        let body = [UInt8](repeating: 32, count: CodingLimits.blockBytes + 1)
        let event = logged(
            .detailsFetched(
                DetailsFetched(
                    intent: Position(1), exchange: Exchange(status: 200),
                    results: [
                        DetailsFetched.Result(
                            ordinal: Ordinal(0), id: RecordID("1"), was: .pending,
                            outcome: .changed(
                                fingerprint: Fingerprint(high: 0, low: 0), body: body[...]))
                    ])))
        #expect(throws: EventCodingError.self) { _ = try StoredValue(event) }
        do throws(EventCodingError) {
            var buffer: [UInt8] = []
            try EventCoder().encode(event, into: &buffer)
        } catch {
            #expect(error.code == .tooLarge)
            #expect(error.place == .event(event.position))
            #expect(error.hint != nil)
        }
    }

    @Test func theIdentityHeaderDoesNotDependOnHowThePayloadIsStored() throws {
        let stored = try StoredValue(logged(.pageFetched(page(entries: 100, bodyBytes: 400))))
        let header = try stored.header()
        #expect(header.flags == [.metaCompressed, .hasBodies])
        #expect(header.format == 1)
        #expect(header.dictionaryID == 0)
        #expect(Int(header.storedLength) == stored.bytes.count - EventHeader.byteCount)
        #expect(stored.bytes.count < 100 * 400 / 2)
    }
}
