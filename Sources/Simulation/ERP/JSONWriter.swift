/// Builds JSON text byte by byte; the caller writes the structure, this writes the values.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Text that is JSON already.
    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func raw(_ json: [UInt8]) { bytes.append(contentsOf: json) }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            if utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
                bytes.append(contentsOf: utf8)
            } else {
                for byte in utf8 { escaped(byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func integer(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(value.magnitude, atLeast: 1)
    }

    mutating func integer(_ value: Int) { integer(Int64(value)) }

    mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }

    /// An amount of hundredths as a decimal literal with two digits, for example `123.40`.
    mutating func hundredths(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(value.magnitude / 100, atLeast: 1)
        bytes.append(UInt8(ascii: "."))
        digits(value.magnitude % 100, atLeast: 2)
    }

    /// Decimal digits with leading zeros up to `width`, without quotes.
    mutating func digits(_ value: UInt64, atLeast width: Int) {
        var remaining = value
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { reversed in
            var count = 0
            repeat {
                reversed[count] = UInt8(ascii: "0") + UInt8(remaining % 10)
                remaining /= 10
                count += 1
            } while remaining > 0 || count < width
            for index in stride(from: count - 1, through: 0, by: -1) {
                bytes.append(reversed[index])
            }
        }
    }

    private mutating func escaped(_ byte: UInt8) {
        switch byte {
        case 0x22: raw("\\\"")
        case 0x5C: raw("\\\\")
        case 0x0A: raw("\\n")
        case 0x09: raw("\\t")
        case 0x0D: raw("\\r")
        case 0..<0x20:
            raw("\\u00")
            let hexadecimal: StaticString = "0123456789abcdef"
            hexadecimal.withUTF8Buffer {
                bytes.append($0[Int(byte >> 4)])
                bytes.append($0[Int(byte & 15)])
            }
        default: bytes.append(byte)
        }
    }
}
