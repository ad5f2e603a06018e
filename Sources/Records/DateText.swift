package import SyncCore

/// Recognises dates and times of ISO 8601 as APIs write them; no time zone is applied.
package enum DateText {
    /// `2024-02-29`: a day that exists in the Gregorian calendar.
    package static func isDate(_ text: some Sequence<UInt8>) -> Bool {
        var reader = Reader(bytes: Array(text))
        return reader.date() != nil && reader.isAtEnd
    }

    /// A date, `T` or a space, `hh:mm`, `:ss` with an optional fraction, and `Z` or an offset.
    ///
    /// Seconds and offset may be absent; an offset is `+hh`, `+hhmm` or `+hh:mm`. Second 60 (a leap
    /// second) is accepted. A date alone is one as well, since APIs mix both in one field.
    package static func isDateTime(_ text: some Sequence<UInt8>) -> Bool { day(of: text) != nil }

    /// The day that such a date or time names, as it is written: that of its own offset.
    ///
    /// - Returns: nil for a text that `isDateTime` doesn't accept.
    package static func day(of text: some Sequence<UInt8>) -> CivilDate? {
        var reader = Reader(bytes: Array(text))
        guard let day = reader.date() else { return nil }
        if reader.isAtEnd { return day }
        guard reader.take("T") || reader.take("t") || reader.take(" "), reader.time() else {
            return nil
        }
        return reader.zone() && reader.isAtEnd ? day : nil
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard at < bytes.count, UInt32(bytes[at]) == character.value else { return false }
            at += 1
            return true
        }

        mutating func number(_ digits: Int, _ range: ClosedRange<Int>) -> Int? {
            guard at + digits <= bytes.count else { return nil }
            var number = 0
            for byte in bytes[at..<(at + digits)] {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                number = number * 10 + Int(byte - UInt8(ascii: "0"))
            }
            guard range.contains(number) else { return nil }
            at += digits
            return number
        }

        mutating func date() -> CivilDate? {
            guard let year = number(4, 0...9999), take("-"), let month = number(2, 1...12),
                take("-"), let day = number(2, 1...31)
            else { return nil }
            return CivilDate(year: Int64(year), month: Int64(month), day: Int64(day))
        }

        mutating func time() -> Bool {
            guard number(2, 0...23) != nil, take(":"), number(2, 0...59) != nil else {
                return false
            }
            guard take(":") else { return true }
            guard number(2, 0...60) != nil else { return false }
            guard take(".") || take(",") else { return true }
            let start = at
            while number(1, 0...9) != nil {}
            return at > start
        }

        mutating func zone() -> Bool {
            if isAtEnd || take("Z") || take("z") { return true }
            guard take("+") || take("-"), number(2, 0...23) != nil else { return false }
            if isAtEnd { return true }
            _ = take(":")
            return number(2, 0...59) != nil
        }
    }
}
