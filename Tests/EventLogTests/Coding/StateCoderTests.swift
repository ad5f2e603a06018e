import EventLog
import SyncCore
import Testing

@Suite struct StateCoderTests {
    @Test func aControlStateComesBackAsItWas() throws {
        for seed in 0..<400 {
            var generator = ValueGenerator(seed: UInt64(seed))
            let control = generator.controlState()
            #expect(try ControlStateCoder.decode(ControlStateCoder.encode(control)) == control)
        }
        let empty = ControlState()
        #expect(try ControlStateCoder.decode(ControlStateCoder.encode(empty)) == empty)
    }

    @Test func theSlotsOfAnHourTakeFewBytes() throws {
        var control = ControlState()
        control.limiter.slots = SlotHistory(
            times: (0..<5_000).map { 1_000_000_000_000 + $0 * 6_000_123_457 })
        let bytes = ControlStateCoder.encode(control)
        #expect(bytes.count < 5_000 * 6)
        #expect(try ControlStateCoder.decode(bytes) == control)
    }

    @Test func aDamagedControlStateIsNoticed() {
        var generator = ValueGenerator(seed: 5)
        let bytes = ControlStateCoder.encode(generator.controlState())
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(generator.below(8))
            #expect(throws: EventCodingError.self) { try ControlStateCoder.decode(damaged) }
        }
        for length in 0..<bytes.count {
            let cut = Array(bytes.prefix(length))
            #expect(throws: EventCodingError.self) { try ControlStateCoder.decode(cut) }
        }
    }

    @Test func aRowComesBackAsItWas() throws {
        var buffer: [UInt8] = []
        for seed in 0..<1_000 {
            var generator = ValueGenerator(seed: UInt64(seed))
            let row = generator.recordRow()
            RecordRowCoder.encode(row, of: StreamID(1), into: &buffer)
            #expect(buffer == RecordRowCoder.encode(row, of: StreamID(1)))
            let decoded = try buffer.withUnsafeBytes {
                try RecordRowCoder.decode(StreamID(1), row.ordinal, $0)
            }
            #expect(decoded == row)
        }
    }

    @Test func aNewRecordsRowIsSmall() {
        var row = RecordRow(
            ordinal: Ordinal(77_000), id: RecordID("1077000"),
            headerFingerprint: Fingerprint(high: 1, low: 2), headerPosition: Position(90_000),
            generation: 1)
        row.queue = QueueEntry(state: .pending, isChange: false)
        #expect(RecordRowCoder.encode(row, of: StreamID(1)).count <= 42)
    }

    @Test func aRowThatWasDamagedOrMovedIsNoticed() {
        var generator = ValueGenerator(seed: 6)
        let row = generator.recordRow()
        let bytes = RecordRowCoder.encode(row, of: StreamID(1))
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(generator.below(8))
            #expect(throws: EventCodingError.self) {
                try damaged.withUnsafeBytes {
                    try RecordRowCoder.decode(StreamID(1), row.ordinal, $0)
                }
            }
        }
        for length in 0..<bytes.count {
            #expect(throws: EventCodingError.self) {
                try bytes[..<length].withUnsafeBytes {
                    try RecordRowCoder.decode(StreamID(1), row.ordinal, $0)
                }
            }
        }
        #expect(throws: EventCodingError.self) {
            let other = Ordinal(row.ordinal.rawValue ^ 1)
            return try bytes.withUnsafeBytes {
                try RecordRowCoder.decode(StreamID(1), other, $0)
            }
        }
        #expect(throws: EventCodingError.self) {
            try bytes.withUnsafeBytes { try RecordRowCoder.decode(StreamID(2), row.ordinal, $0) }
        }
    }
}
