import EventLog
import SyncCore
import Testing

@Suite struct EventDamageTests {
    @Test(arguments: EventType.allCases)
    func everyTurnedBitIsNoticed(type: EventType) throws {
        let coder = EventCoder()
        var generator = ValueGenerator(seed: UInt64(type.rawValue))
        let stored = try StoredValue(generator.loggedEvent(type), coder)
        for index in 0..<min(stored.bytes.count, 3_000) {
            var damaged = stored
            damaged.bytes[index] ^= 1 << UInt8(generator.below(8))
            let failure = damaged.failure(coder)
            #expect(failure != nil)
            #expect(failure?.code == .damaged || index == 8)
        }
    }

    @Test func aValueUnderAnotherPositionIsNoticed() throws {
        var stored = try StoredValue(logged(.runStarted(RunStarted(mode: .full)), at: 9))
        stored.position = Position(10)
        #expect(stored.failure()?.code == .damaged)
    }

    @Test(arguments: EventType.allCases)
    func everyTruncationIsNoticed(type: EventType) throws {
        let coder = EventCoder()
        var generator = ValueGenerator(seed: UInt64(type.rawValue) + 100)
        let stored = try StoredValue(generator.loggedEvent(type), coder)
        for length in 0..<min(stored.bytes.count, 2_000) {
            var cut = stored
            cut.bytes = Array(stored.bytes.prefix(length))
            #expect(cut.failure(coder)?.code == .damaged)
            // And with a right checksum: it may decode, when a whole field is gone, but not trap.
            cut.reseal()
            if let event = try? cut.decode(coder) {
                #expect(throws: EventCodingError.self) { try cut.verify(coder) }
                #expect(event.position == cut.position)
            }
        }
    }

    // Behind the checksum everything may be wrong: nothing traps, and an event that decodes to
    // something else has another payload hash.
    @Test(arguments: EventType.allCases)
    func bytesThatWereChangedOnPurposeNeverTrap(type: EventType) throws {
        let coder = EventCoder()
        for seed in 0..<12 {
            var generator = ValueGenerator(seed: UInt64(type.rawValue) << 16 | UInt64(seed))
            let original = generator.loggedEvent(type)
            let stored = try StoredValue(original, coder)
            for index in EventHeader.byteCount..<max(EventHeader.byteCount, stored.bytes.count) {
                guard index < 700 || generator.below(8) == 0 else { continue }
                var changed = stored
                changed.bytes[index] = UInt8(truncatingIfNeeded: generator.next())
                changed.reseal()
                probe(changed, coder)
                // A compressed frame has bits that mean nothing: what verifies is the same event.
                if let event = try? changed.bytes.withUnsafeBytes({
                    try coder.verify(changed.position, $0)
                }) {
                    #expect(event.event == original.event)
                }
            }
        }
    }

    @Test func randomBytesNeverTrap() throws {
        let coder = EventCoder()
        var generator = ValueGenerator(seed: 99)
        let template = try StoredValue(logged(.pageFetched(page(entries: 4, bodyBytes: 90))))
        for _ in 0..<40_000 {
            var random = template
            let count = generator.below(120)
            random.bytes.removeLast(random.bytes.count - EventHeader.byteCount)
            random.bytes += (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            random.bytes[9] = UInt8(generator.below(8))
            random.bytes[16] = UInt8(1 + generator.below(EventType.allCases.count))
            if generator.bool(), count > 4 {
                // A length of the fields that fits, so that what lies behind them is reached.
                random.bytes.replaceSubrange(
                    64..<68, with: [UInt8(generator.below(count)), 0, 0, 0])
            }
            random.reseal()
            probe(random, coder)
        }
    }

    private func probe(_ value: StoredValue, _ coder: EventCoder) {
        value.bytes.withUnsafeBytes { raw in
            _ = try? coder.decode(value.position, raw, bodies: .all)
            _ = try? coder.decode(value.position, raw, bodies: .none)
            _ = try? coder.verify(value.position, raw)
            _ = try? coder.bodyLengths(value.position, raw)
            for index in 0..<3 {
                _ = try? coder.body(at: index, position: value.position, value: raw)
            }
        }
    }

    @Test func blocksThatClaimTooMuchAreRefusedBeforeAnyMemoryIsTaken() throws {
        let event = logged(.pageFetched(page(entries: 3, bodyBytes: 2_000)))
        let stored = try StoredValue(event)
        let metaLength = Int(stored.bytes[64]) | Int(stored.bytes[65]) << 8
        let block = 68 + metaLength
        for claim: [UInt8] in [[255, 255, 255, 255], [0, 0, 0, 4], [0, 0, 0, 0], [1, 0, 0, 0]] {
            var bomb = stored
            bomb.bytes.replaceSubrange(block..<(block + 4), with: claim)
            bomb.reseal()
            #expect(bomb.failure()?.code == .damaged)
        }
    }

    @Test func aChangedTextIsNoticedEvenUnderARightChecksum() throws {
        // Too short to be compressed, so that the text stands in the value as it is.
        let event = logged(.pageFetched(page(entries: 1, bodyBytes: 40)))
        var stored = try StoredValue(event)
        stored.bytes[stored.bytes.count - 1] ^= 1
        stored.reseal()
        #expect(try stored.decode() != event)
        #expect(throws: EventCodingError.self) { try stored.verify() }
    }

    @Test func whatALaterVersionWroteIsNamedNewer() throws {
        let stored = try StoredValue(logged(.runStarted(RunStarted(mode: .full))))
        // Format, flags, dictionary, type, schema version, a mode that doesn't exist yet.
        let changes: [(index: Int, value: UInt8)] = [
            (8, 2), (9, 0x80), (10, 1), (16, 200), (17, 1), (18, 2), (65, 90),
        ]
        for change in changes {
            var newer = stored
            newer.bytes[change.index] = change.value
            newer.reseal()
            let failure = newer.failure()
            #expect(failure?.code == .newer, "byte \(change.index)")
            #expect(failure?.isNewer == true)
        }
    }

    @Test func fieldsOfALaterVersionArePassedOver() throws {
        let event = logged(.runResumed(RunResumed(run: Position(4), mode: .incremental)))
        var stored = try StoredValue(event)
        var writer = FieldWriter(bytes: stored.bytes)
        writer.unsigned(100, 7 as UInt64)
        writer.string(2_000, "a text")
        writer.optionalFixed64(3, 9)
        writer.varint(99 << 3 | 5)
        writer.bytes += [1, 2, 3, 4]
        stored.bytes = writer.bytes
        stored.reseal()
        #expect(try stored.decode() == event)
    }

    @Test func aFieldWithAnotherLayoutIsDamage() throws {
        var stored = try StoredValue(logged(.runStarted(RunStarted(mode: .full))))
        stored.bytes[64] = 1 << 3 | 2
        stored.reseal()
        #expect(stored.failure()?.code == .damaged)
    }
}
