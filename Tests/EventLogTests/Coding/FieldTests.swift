import EventLog
import Testing

@Suite struct FieldTests {
    private func read<Value>(
        _ bytes: [UInt8], _ body: (inout FieldReader) throws -> Value
    ) throws -> Value {
        try bytes.withUnsafeBytes { raw in
            var reader = FieldReader(raw)
            return try body(&reader)
        }
    }

    // The examples of the Protocol Buffers documentation.
    @Test func theBytesAreThoseOfProtocolBuffers() {
        var writer = FieldWriter()
        writer.unsigned(1, 150 as UInt64)
        writer.string(2, "testing")
        writer.signed(3, -2)
        writer.nested(6) { packed in
            packed.varint(3)
            packed.varint(270)
            packed.varint(86_942)
        }
        writer.optionalFixed64(4, 1)
        let expected: [UInt8] =
            [0x08, 0x96, 0x01, 0x12, 0x07] + Array("testing".utf8) + [0x18, 0x03]
            + [0x32, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05] + [0x21, 1, 0, 0, 0, 0, 0, 0, 0]
        #expect(writer.bytes == expected)
    }

    @Test(arguments: [0, 1, 127, 128, 300, 16_383, 16_384, 70_000])
    func aNestedFieldMayHaveAnyLength(length: Int) throws {
        var writer = FieldWriter()
        writer.nested(1) { $0.bytes.append(contentsOf: repeatElement(7, count: length)) }
        writer.bool(2, true)
        try read(writer.bytes) { reader in
            let first = try reader.next()
            let content = try reader.data()
            let second = try reader.next()
            let flag = try reader.bool()
            let end = try reader.next()
            #expect(first == 1)
            #expect(content == [UInt8](repeating: 7, count: length))
            #expect(second == 2)
            #expect(flag)
            #expect(end == nil)
        }
    }

    @Test func numbersOfEveryLengthComeBack() throws {
        var values: [UInt64] = [0, .max]
        for shift in UInt64(0)..<64 { values += [1 << shift, (1 << shift) - 1, ~(1 << shift)] }
        for value in values {
            var writer = FieldWriter()
            writer.varint(value)
            writer.zigzag(Int64(bitPattern: value))
            try read(writer.bytes) { reader in
                let plain = try reader.varint()
                let zigzag = try reader.zigzag()
                #expect(plain == value)
                #expect(zigzag == Int64(bitPattern: value))
                #expect(reader.isAtEnd)
            }
        }
    }

    @Test(arguments: [
        [0x80], [0xFF, 0xFF], [UInt8](repeating: 0xFF, count: 10),
        [UInt8](repeating: 0x80, count: 9) + [2], [UInt8](repeating: 0x80, count: 11) + [0],
    ])
    func aNumberThatIsCutOffOrTooLongIsRefused(bytes: [UInt8]) {
        #expect(throws: FieldError.self) { try read(bytes) { try $0.varint() } }
    }

    @Test(
        arguments: [
            [0x00], [0x07], [0x0B], [0x0C], [0x0E], [0x0A], [0x0A, 5, 1, 2], [0x09, 1, 2],
            [0x0D, 1],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ] as [[UInt8]])
    func aFieldThatCannotBeIsRefused(bytes: [UInt8]) {
        #expect(throws: FieldError.self) {
            try read(bytes) { reader in
                while try reader.next() != nil { try reader.skip() }
            }
        }
    }

    @Test func textThatIsNotUTF8IsRefused() {
        #expect(throws: FieldError.self) {
            try read([0x0A, 2, 0xC3, 0x28]) { reader in
                _ = try reader.next()
                return try reader.string()
            }
        }
    }
}
